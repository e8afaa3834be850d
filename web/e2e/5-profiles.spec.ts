/** A device model from its form to what is in force: a point more, tried on pasted bytes, saved, seen in the versions, exported. */

import { readFile } from 'node:fs/promises';
import { expect, read, test } from './city';

/** Modbus CRC-16, as the line computes it. */
function crc(bytes: readonly number[]): number[] {
  let sum = 0xffff;
  for (const byte of bytes) {
    sum ^= byte;
    for (let bit = 0; bit < 8; bit += 1) sum = sum & 1 ? (sum >> 1) ^ 0xa001 : sum >> 1;
  }
  return [sum & 0xff, sum >> 8];
}

const hex = (bytes: readonly number[]): string => bytes.map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
const framed = (bytes: readonly number[]): string => hex([...bytes, ...crc(bytes)]);

test('a point is added in the form, tried on pasted bytes, saved as a version and exported', async ({ at }, info) => {
  // Each shape of window has a model of its own, so that the two do not meet.
  const id = `e2e-${info.project.name}`;
  const page = await at('/profiles');
  await page.getByRole('button', { name: '新建型号' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.locator('[name="name"]').fill('试验继电器');
  await dialog.locator('[name="id"]').fill('Not An Id');
  await dialog.locator('[name="copied"]').selectOption('asj-relay');
  await dialog.getByRole('button', { name: '建立' }).click();
  await expect(dialog.getByText('编号只能用小写字母、数字和 -')).toBeVisible();
  await dialog.locator('[name="id"]').fill(id);
  await dialog.getByRole('button', { name: '建立' }).click();
  await expect(page.getByRole('heading', { level: 1, name: '试验继电器' })).toBeVisible();

  await page.getByRole('button', { name: '增加点' }).click();
  const before = (await read<{ points: unknown[] }>(page, `/profiles/${id}`)).points.length;
  const field = (name: string) => page.locator(`[name="points[${before}].${name}"]`);
  await field('code').fill('spare');
  await field('name').fill('备用输入');
  await field('address').fill('0x0200');
  await field('scale').fill('0.3');
  await expect(page.locator('.input-field.wrong', { has: field('scale') })).toContainText('10 的幂');
  await field('scale').fill('0.1');
  await expect(page.getByText('有未保存的修改')).toBeVisible();

  await page.getByRole('tab', { name: '文本' }).click();
  await expect(page.locator('textarea[name="text"]')).toHaveValue(/code = "spare"[\s\S]*address = 0x0200/);

  await page.getByRole('tab', { name: '测试台' }).click();
  const asked = framed([1, 3, 0x02, 0x00, 0, 1]);
  await page.locator('textarea[name="pasted"]').fill(`${asked}\n${framed([1, 3, 2, 0x01, 0xf4])}`);
  await page.getByRole('button', { name: '解析', exact: true }).click();
  const row = page.locator('tr', { hasText: '备用输入' });
  await expect(row).toContainText('50.0');
  await expect(row).toContainText('500');

  await page.getByRole('button', { name: '保存' }).click();
  await page.getByRole('dialog').locator('[name="reason"]').fill('端子 7 接了备用互感器');
  await page.getByRole('dialog').getByRole('button', { name: '保存' }).click();
  await expect(page.getByText('已保存为第 2 版，立即生效')).toBeVisible();

  await page.getByRole('tab', { name: '版本' }).click();
  await expect(page.getByText('端子 7 接了备用互感器')).toBeVisible();
  await expect(page.locator('.line.added', { hasText: 'code = "spare"' })).toBeVisible();

  const file = page.waitForEvent('download');
  await page.getByRole('link', { name: '导出' }).click();
  const saved = await file;
  expect(saved.suggestedFilename()).toBe(`${id}.toml`);
  expect(await readFile(await saved.path(), 'utf8')).toContain('备用输入');
});

test('the bench reads Modbus TCP, and what a gateway encrypts once it is opened', async ({ at }) => {
  const page = await at('/profiles/arcm300-modbus?tab=bench');
  const pasted = page.locator('textarea[name="pasted"]');
  await pasted.fill('00 07 00 00 00 06 01 03 00 00 00 02  00 07 00 00 00 07 01 03 04 00 1E 00 1F');
  await page.getByRole('button', { name: '解析', exact: true }).click();
  await expect(page.getByText('Modbus TCP').first()).toBeVisible();
  await expect(page.locator('tr', { hasText: '剩余电流' })).toContainText('31 mA');
  await expect(page.locator('input[name="secret"]')).toHaveCount(0);
  await pasted.fill(`1F 1F F2 00 00 00 20 ${'00 '.repeat(32)}`);
  await page.locator('input[name="secret"]').fill('short');
  await page.getByRole('button', { name: '解析', exact: true }).click();
  await expect(page.getByText('须为 16 字节')).toBeVisible();

  await at('/profiles/acrel-gateway?tab=bench');
  await page.getByRole('button', { name: '解密后的内容' }).or(page.getByRole('radio', { name: '解密后的内容' })).first().click();
  await pasted.fill('<root><data operation="report"><meter id="01001"><function id="IL">35</function></meter></data></root>');
  await page.getByRole('button', { name: '解析', exact: true }).click();
  await expect(page.locator('tr', { hasText: '剩余电流' })).toContainText('35.0 mA');
});
