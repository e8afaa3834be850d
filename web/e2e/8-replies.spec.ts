/** The address that a provider reports to, and what people answered: on the form of a channel that has one. */

import { axe, expect, test } from './city';

test('a channel shows where its provider reports, and a reply from an unknown number is refused and shown', async ({ at }) => {
  const page = await at('/telling');
  const dialog = page.getByRole('dialog');
  await page.getByRole('button', { name: '新建渠道' }).click();
  await dialog.locator('[name="kind"]').selectOption({ label: '腾讯云短信' });
  await expect(dialog.getByRole('heading', { name: '回执与回复' })).toHaveCount(0);
  await dialog.getByLabel('名称').fill('短信回执');
  for (const name of ['secret_id', 'secret_key', 'sdk_app_id', 'sign_name', 'template_id']) await dialog.locator(`[name="${name}"]`).fill('1400000000');
  // Nothing goes out: the channel is there for its address only.
  await dialog.getByText('其他设置').click();
  await dialog.locator('[name="enabled"]').selectOption({ label: '停用' });
  await dialog.getByRole('button', { name: '保存' }).click();
  await expect(dialog).toHaveCount(0);

  await page.getByRole('button', { name: '修改“短信回执”' }).click();
  await expect(dialog.getByRole('heading', { name: '回执与回复' })).toBeVisible();
  const address = (await dialog.locator('.callback code').first().textContent()) ?? '';
  expect(address).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/callback\/\d+\/[\w-]{20,}$/);
  const replies = dialog.locator('summary', { hasText: '最近的回复' });
  await replies.click();
  await expect(dialog.getByText('暂无')).toBeVisible();
  expect(await axe(page)).toEqual([]);
  await page.keyboard.press('Escape');

  // As the provider publishes it.
  const said = await page.request.post(address, { data: { extend: '', mobile: '13900000000', nationcode: '86', sign: '1400', text: '收到', time: 1457336869 } });
  expect(said.ok(), await said.text()).toBe(true);
  const forged = await page.request.post(address.replace(/.{4}$/, 'AAAA'), { data: {} });
  expect(forged.ok()).toBe(false);

  await page.reload();
  await page.getByRole('button', { name: '修改“短信回执”' }).click();
  await replies.click();
  const reply = dialog.locator('.callback li').first();
  // Whole numbers stay with the record of telling.
  await expect(reply).toContainText('+861****0000');
  await expect(reply).toContainText('收到');
  await expect(reply).toContainText('已拒绝');
  expect(await axe(page)).toEqual([]);
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: '删除“短信回执”' }).click();
  await dialog.getByRole('button', { name: '删除', exact: true }).click();
  await expect(page.getByRole('heading', { name: '短信回执' })).toHaveCount(0);
});
