/** What a detector can be told beside switching and limits, and the phone's code in place of the password. */

import { createHmac } from 'node:crypto';
import { type Page } from '@playwright/test';
import { axe, expect, PASSWORD, read, test } from './city';

/** RFC 6238: SHA-1, 30 s, six digits. */
function codeOf(base32: string, atMs: number): string {
  const bits = [...base32].map((letter) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(letter).toString(2).padStart(5, '0')).join('');
  const key = Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)));
  const step = Buffer.alloc(8);
  step.writeBigUInt64BE(BigInt(Math.floor(atMs / 30_000)));
  const hash = createHmac('sha1', key).update(step).digest();
  const offset = hash.readUInt8(hash.length - 1) & 15;
  return String((hash.readUInt32BE(offset) & 0x7fffffff) % 1_000_000).padStart(6, '0');
}

async function oneOf(page: Page, model: string): Promise<number> {
  const { items } = await read<{ items: { id: number; profile_id: string; circuit_id: number | null }[] }>(page, '/detectors?limit=500');
  const found = items.find((detector) => detector.profile_id === model && detector.circuit_id !== null);
  if (found === undefined) throw new Error(`the city has no ${model} on a circuit`);
  return found.id;
}

/** Presses the command's button, fills what it asks for, sends it, and waits until the device has answered. */
async function tell(page: Page, name: string, value?: string): Promise<void> {
  await page.getByRole('button', { name, exact: true }).first().click();
  const dialog = page.getByRole('dialog');
  if (value !== undefined) await dialog.getByLabel('数值').fill(value);
  await dialog.getByRole('button', { name: '下发' }).click();
  await expect(dialog).toHaveCount(0);
  const first = page.locator('section', { hasText: '命令记录' }).locator('li').first();
  await expect(first).toContainText(name);
  await expect(first).toContainText(/装置已应答|回读确认/, { timeout: 60_000 });
}

test('self-test, mute, reset, reporting period and clock go out and are answered', async ({ at }) => {
  const start = await at('/');
  const page = await at(`/detectors/${await oneOf(start, 'telemetry-generic')}?tab=commands`);
  await expect(page.getByText('已连接').first()).toBeVisible({ timeout: 60_000 });
  for (const name of ['自检', '消音', '复位', '校时']) await tell(page, name);
  await page.getByRole('button', { name: '上报周期', exact: true }).first().click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('数值').fill('0');
  await dialog.getByRole('button', { name: '下发' }).click();
  await expect(dialog.getByText('应在 1 到 86400 之间')).toBeVisible();
  await dialog.getByRole('button', { name: '取消' }).click();
  await tell(page, '上报周期', '60');
});

test('one-time codes are set up with a picture and confirm the switching of a breaker', async ({ at }) => {
  const page = await at('/me');
  const panel = page.locator('section', { hasText: '动态码' }).last();
  await panel.getByLabel('您的密码').fill('not-the-password');
  await panel.getByRole('button', { name: '开始设置' }).click();
  await expect(panel.getByText('不正确')).toBeVisible();
  await panel.getByLabel('您的密码').fill(PASSWORD);
  await panel.getByRole('button', { name: '开始设置' }).click();
  await expect(panel.getByRole('img', { name: '含密钥的二维码' })).toBeVisible();
  const secret = ((await panel.locator('code').textContent()) ?? '').replaceAll(' ', '');
  expect(secret).toMatch(/^[A-Z2-7]{32}$/);
  expect(await axe(page)).toEqual([]);
  await panel.getByLabel('手机上的动态码').fill(codeOf(secret, Date.now()));
  await panel.getByRole('button', { name: '核对并启用' }).click();
  await expect(panel.getByText('已启用：')).toBeVisible();

  await page.goto(`/detectors/${await oneOf(page, 'leakage-breaker')}?tab=commands`);
  await page.getByRole('button', { name: '合闸', exact: true }).click();
  const dialog = page.getByRole('dialog');
  await dialog.locator('textarea').fill('检修完毕');
  await dialog.getByRole('button', { name: '合闸' }).click();
  await expect(dialog.getByText('请填写此项')).toBeVisible();
  // The next half minute's: this one's was used up when the codes were set up.
  const code = codeOf(secret, Date.now() + 30_000);
  await dialog.getByLabel('手机上的动态码').fill(code);
  await dialog.getByRole('button', { name: '合闸' }).click();
  await expect(dialog).toHaveCount(0);
  await page.getByRole('button', { name: '合闸', exact: true }).click();
  await dialog.locator('textarea').fill('再来一次');
  await dialog.getByLabel('手机上的动态码').fill(code);
  await dialog.getByRole('button', { name: '合闸' }).click();
  await expect(dialog.getByText('此动态码已用过，请等下一个')).toBeVisible();
  await dialog.getByRole('radio', { name: '密码' }).check();
  await dialog.locator('input[type="password"]').fill(PASSWORD);
  await dialog.getByRole('button', { name: '合闸' }).click();
  await expect(dialog).toHaveCount(0);

  await page.goto('/me');
  await panel.getByLabel('您的密码').fill(PASSWORD);
  await panel.getByRole('button', { name: '移除' }).click();
  await expect(panel.getByRole('button', { name: '开始设置' })).toBeVisible();
});
