/** What a detector can be told beside switching and limits, and the phone's code in place of the password. */

import { type Page } from '@playwright/test';
import { axe, expect, PASSWORD, read, test } from './city';
import { codeOf, Colleague } from './colleague';

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

test('an administrator takes the codes of a lost phone away; its owner confirms with the password again', async ({ at, browser }, info) => {
  const page = await at('/people');
  const owner = await Colleague.join(page, browser, info, `lost-${info.project.name}`, '丢手机的人');
  await owner.takeCodes();
  await page.reload();
  const row = page.locator('[data-row]', { hasText: '丢手机的人' });
  await row.getByRole('button', { name: '移除动态码 丢手机的人' }).click();
  const dialog = page.getByRole('dialog');
  await expect(dialog.getByText('用于手机遗失')).toBeVisible();
  expect(await axe(page)).toEqual([]);
  await dialog.getByRole('button', { name: '移除动态码' }).click();
  await expect(dialog).toHaveCount(0);
  await expect(row).toBeVisible();
  await expect(row.getByRole('button', { name: '移除动态码 丢手机的人' })).toHaveCount(0);
  // They are still signed in and can set up the new phone.
  await owner.page.goto('/me');
  await expect(owner.page.getByRole('button', { name: '开始设置' })).toBeVisible();
  await owner.leave();
});

test('the second person agrees with a code; a wrong one sends nothing', async ({ at, browser }, info) => {
  const page = await at('/');
  const breaker = await oneOf(page, 'leakage-breaker');
  const { site_id: siteId } = await read<{ site_id: number }>(page, `/detectors/${breaker}`);
  const rule = async (on: boolean): Promise<void> => {
    const { csrf_token: token } = await read<{ csrf_token: string }>(page, '/session');
    const { version } = await read<{ version: number }>(page, `/sites/${siteId}`);
    const ruled = await page.request.patch(`/api/v1/sites/${siteId}`, { headers: { 'x-csrf-token': token }, data: { version, two_person_switching: on } });
    expect(ruled.status(), await ruled.text()).toBe(200);
  };
  await rule(true);
  const second = await Colleague.join(page, browser, info, `agrees-${info.project.name}`, '动态码复核人');
  const secret = await second.takeCodes();

  await page.goto(`/detectors/${breaker}?tab=commands`);
  await page.getByRole('button', { name: '合闸', exact: true }).click();
  const dialog = page.getByRole('dialog');
  await dialog.locator('textarea').fill('检修完毕');
  await dialog.locator('input[type="password"]').fill(PASSWORD);
  await dialog.getByRole('button', { name: '合闸' }).click();
  const first = page.locator('section', { hasText: '命令记录' }).locator('li').first();
  await expect(first).toContainText('待第二人确认');

  await second.page.goto('/commands?state=awaiting_approval');
  await second.page.getByRole('button', { name: '确认并下发' }).click();
  const theirs = second.page.getByRole('dialog');
  const code = codeOf(secret, Date.now() + 30_000);
  await theirs.getByLabel('手机上的动态码').fill(code === '000000' ? '000001' : '000000');
  await theirs.getByRole('button', { name: '确认并下发' }).click();
  await expect(theirs.getByText('不正确')).toBeVisible();
  await expect(first).toContainText('待第二人确认');
  await theirs.getByLabel('手机上的动态码').fill(code);
  await theirs.getByRole('button', { name: '确认并下发' }).click();
  await expect(theirs).toHaveCount(0);
  await expect(first).toContainText('回读确认', { timeout: 60_000 });
  await expect(first).toContainText('动态码复核人');
  await second.leave();
  await rule(false);
});
