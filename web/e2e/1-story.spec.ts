/** The main job from the first sign-in to the closed alarm, in the order in which a city would live it. */

import type { Locator, Page } from '@playwright/test';
import { expect, PASSWORD, read, test } from './city';

test.describe.configure({ mode: 'serial' });

interface AlarmRow {
  id: number;
  state: string;
  detector_id: number;
}
interface List<T> {
  items: T[];
}
interface Detector {
  id: number;
  name: string;
}

/** Any change of the page that is not the application's own would lose this mark. */
async function mark(page: Page): Promise<void> {
  await page.evaluate(() => ((window as unknown as { stayed: boolean }).stayed = true));
}
async function stayed(page: Page): Promise<boolean> {
  return page.evaluate(() => (window as unknown as { stayed?: boolean }).stayed === true);
}

const dialog = (page: Page): Locator => page.getByRole('dialog');
const field = (page: Page, name: string): Locator => dialog(page).locator(`[name="${name}"]`);

async function relayDetector(page: Page): Promise<Detector> {
  const found = (await read<List<Detector>>(page, '/detectors?q=E2E-RELAY-01')).items[0];
  if (found === undefined) throw new Error('the relay was not admitted');
  return found;
}

async function relayAlarm(page: Page): Promise<AlarmRow | undefined> {
  const { id } = await relayDetector(page);
  return (await read<List<AlarmRow>>(page, `/alarms?state=open&hazard=residual_current&detector=${id}`)).items[0];
}

test('the first sign-in asks for a password of one’s own', async ({ page, city }) => {
  await page.goto('/alarms');
  await expect(page).toHaveURL(/\/sign-in\?next=/);
  await page.getByLabel('账号').fill(city.server.login);
  await page.locator('input[name="password"]').fill('not-the-password');
  await page.locator('button[type="submit"]').click();
  await expect(page.getByText('账号或密码不正确')).toBeVisible();
  await expect(page.getByLabel('账号')).toHaveValue(city.server.login);

  await page.locator('input[name="password"]').fill(city.server.oneTimePassword);
  await page.locator('button[type="submit"]').click();
  await expect(page).toHaveURL(/\/new-password/);
  // No way round it.
  await page.goto('/sites');
  await expect(page).toHaveURL(/\/new-password/);

  const inputs = page.locator('input[type="password"]');
  await inputs.nth(0).fill(city.server.oneTimePassword);
  await inputs.nth(1).fill('short');
  await inputs.nth(2).fill('short');
  await page.locator('button[type="submit"]').click();
  await expect(page.getByText('太短')).toBeVisible();
  await inputs.nth(1).fill(PASSWORD);
  await inputs.nth(2).fill(PASSWORD);
  await page.locator('button[type="submit"]').click();
  await expect(page).not.toHaveURL(/new-password/);
  city.opened = true;
  await expect(page.locator('#main')).toBeVisible();
});

test('the overview counts the city and draws its map', async ({ at }) => {
  const page = await at('/');
  const counts = (await read<{ counts: { sites: number; detectors: number } }>(page, '/overview')).counts;
  expect(counts.sites).toBeGreaterThan(0);
  await expect(page.getByText(String(counts.detectors), { exact: true }).first()).toBeVisible();
  // On a phone it is drawn when it is scrolled to.
  await page.getByRole('heading', { name: '分布' }).scrollIntoViewIfNeeded();
  const map = page.getByRole('img', { name: /辖区地图/ }).or(page.locator('[aria-label*="辖区地图"]')).first();
  await expect(map).toBeVisible();
  await expect(page.locator('#main canvas').first()).toBeVisible();
});

test('an alarm of the city comes to the desk by itself', async ({ at }) => {
  const page = await at('/alarms');
  await mark(page);
  // The first one comes within a minute of the start.
  await expect(page.locator('[data-row]').first()).toBeVisible({ timeout: 75_000 });
  expect(await stayed(page)).toBe(true);
});

test('a pending terminal is admitted to a new circuit and its values appear', async ({ at }) => {
  const page = await at('/pending');
  const row = page.locator('[data-row]', { hasText: 'E2E-RELAY-01' });
  await expect(row).toBeVisible();
  await row.getByRole('button', { name: '接入', exact: true }).click();

  await field(page, 'site').selectOption('new');
  await dialog(page).getByRole('button', { name: '接入', exact: true }).click();
  await expect(dialog(page).getByText('请填写此项').first()).toBeVisible();

  await field(page, 'site_name').fill('测试商铺');
  await field(page, 'area_code').selectOption('430203');
  await field(page, 'organisation_id').selectOption({ index: 1 });
  await field(page, 'panel_name').fill('总箱');
  await field(page, 'detectors[0].profile_id').selectOption('asj-relay');
  await field(page, 'detectors[0].name').fill('后厨继电器');
  await field(page, 'detectors[0].circuit_name').fill('后厨插座');
  await field(page, 'detectors[0].unit_address').fill('300');
  await dialog(page).getByRole('button', { name: '接入', exact: true }).click();
  await expect(dialog(page).getByText('应在 1 到 247 之间')).toBeVisible();
  await expect(field(page, 'site_name')).toHaveValue('测试商铺');

  await field(page, 'detectors[0].unit_address').fill('1');
  await dialog(page).getByRole('button', { name: '接入', exact: true }).click();
  await expect(page).toHaveURL(/\/detectors\/\d+/);
  await expect(page.getByRole('heading', { level: 1, name: '后厨继电器' })).toBeVisible();
  await expect(page.locator('.channel', { hasText: '剩余电流' }).getByText('64', { exact: true })).toBeVisible({ timeout: 45_000 });
});

test('a value moves on screen without a reload', async ({ at, city }) => {
  const detector = await relayDetector(await at('/detectors'));
  const page = await at(`/detectors/${detector.id}`);
  await mark(page);
  city.relay.registers.set(0x0000, 91);
  await expect(page.locator('.channel', { hasText: '剩余电流' }).getByText('91', { exact: true })).toBeVisible({ timeout: 30_000 });
  expect(await stayed(page)).toBe(true);
});

test('the telegrams of the line are there, with their fields', async ({ at }) => {
  const detector = await relayDetector(await at('/detectors'));
  const page = await at(`/detectors/${detector.id}?tab=telegrams`);
  // Newest first: a question or a sign of life has no fields.
  const first = page.locator('.log > li', { has: page.locator('.fields button') }).first();
  await expect(first.locator('.byte').first()).toBeVisible();
  const decoded = first.locator('.fields button').first();
  await expect(decoded).toBeVisible();
  await decoded.focus();
  await expect(first.locator('.byte.on').first()).toBeVisible();
});

test('a limit is overridden here, and inherited again', async ({ at }) => {
  const detector = await relayDetector(await at('/detectors'));
  const page = await at(`/detectors/${detector.id}?tab=settings`);
  const row = page.locator('tr', { has: page.getByRole('rowheader', { name: '剩余电流超限' }) });
  const alarm = row.locator('[data-field="alarm"]');
  const inherited = (await alarm.locator('.figure').textContent()) ?? '';
  await expect(alarm.locator('.chip.own')).toHaveCount(0);

  await row.getByRole('button', { name: /编辑/ }).click();
  await field(page, 'alarm').fill('4oo');
  await dialog(page).getByRole('button', { name: '保存' }).click();
  await expect(dialog(page).getByText('请填写数字')).toBeVisible();
  await expect(field(page, 'alarm')).toHaveValue('4oo');
  await field(page, 'alarm').fill('99999');
  await dialog(page).getByRole('button', { name: '保存' }).click();
  // Out of the standard's range: the server says so at the field, and what was typed stays.
  await expect(dialog(page).locator('.input-field.wrong')).toBeVisible();
  await expect(field(page, 'alarm')).toHaveValue('99999');
  await field(page, 'alarm').fill('450');
  await field(page, 'on_delay_s').fill('0');
  await dialog(page).getByRole('button', { name: '保存' }).click();
  await expect(dialog(page)).toHaveCount(0);
  await expect(alarm.locator('.figure')).toHaveText('450 mA');
  await expect(alarm.locator('.chip.own')).toBeVisible();

  await row.getByRole('button', { name: /编辑/ }).click();
  await dialog(page).getByRole('button', { name: '继承: 报警值' }).click();
  await dialog(page).getByRole('button', { name: '保存' }).click();
  await expect(dialog(page)).toHaveCount(0);
  await expect(alarm.locator('.figure')).toHaveText(inherited);
  await expect(alarm.locator('.chip.own')).toHaveCount(0);
});

test('the relay’s alarm arrives live, with its curve and limit; acknowledged, undone, acknowledged', async ({ at, city }) => {
  const detector = await relayDetector(await at('/detectors'));
  const page = await at(`/alarms?detector=${detector.id}`);
  await expect(page.getByText('没有符合条件的记录')).toBeVisible();
  await mark(page);
  city.relay.registers.set(0x0000, 812);
  const row = page.locator('[data-row]', { hasText: '剩余电流超限' });
  await expect(row).toBeVisible({ timeout: 60_000 });
  expect(await stayed(page)).toBe(true);

  const curve = page.waitForResponse((response) => response.url().includes('/curve?') && response.ok());
  await row.getByText('剩余电流超限').first().click();
  await expect(page).toHaveURL(/\/alarms\/\d+/);
  const said = (await (await curve).json()) as { limits: { severity: string; value: number }[]; series: { points: unknown[] }[] };
  expect(said.limits.map((limit) => limit.severity)).toContain('alarm');
  expect(said.series[0]?.points.length).toBeGreaterThan(0);
  await expect(page.locator('figure.curve canvas')).toBeVisible();
  await expect(page.getByText('812 mA').first()).toBeVisible();
  await expect(page.getByText('测试商铺').first()).toBeVisible();

  const acts = page.locator('footer .acts');
  await acts.getByRole('button', { name: /^确认/ }).click();
  await expect(page.getByText(/于 .* 确认/)).toBeVisible();
  await page.getByRole('button', { name: '撤销' }).click();
  await expect(page.getByText('还没有人确认')).toBeVisible();
  await acts.getByRole('button', { name: /^确认/ }).click();
  await expect(page.getByText(/于 .* 确认/)).toBeVisible();
  const history = page.getByRole('region', { name: '经过' });
  await expect(history.getByText('撤销确认').first()).toBeVisible();
  await expect(history.getByText('发生').first()).toBeVisible();
});

test('a reset is refused while the condition is there, and closes the alarm once it is gone', async ({ at, city }) => {
  const start = await at('/detectors');
  const alarm = await relayAlarm(start);
  expect(alarm).toBeDefined();
  const page = await at(`/alarms/${alarm?.id ?? 0}`);
  const acts = page.locator('footer .acts');
  await acts.getByRole('button', { name: /^复位/ }).click();
  await expect(page.getByRole('alert').filter({ hasText: '异常仍然存在' })).toBeVisible();
  // The server holds the same, whatever a page may offer.
  const session = await read<{ csrf_token: string }>(page, '/session');
  const refused = await page.request.post(`/api/v1/alarms/${alarm?.id ?? 0}/reset`, { headers: { 'x-csrf-token': session.csrf_token }, data: {} });
  expect(refused.status()).toBe(409);
  expect(((await refused.json()) as { code: string }).code).toBe('condition_present');

  city.relay.registers.set(0x0000, 58);
  await expect.poll(async () => (await relayAlarm(page))?.state ?? 'closed', { timeout: 90_000 }).not.toBe('acknowledged');
  if ((await relayAlarm(page)) !== undefined) {
    // The page hears of it a moment after the server has it.
    await expect(page.locator('.pane .head').getByText('已锁存')).toBeVisible();
    await acts.getByRole('button', { name: /^复位/ }).click();
    await dialog(page).locator('textarea').fill('已更换插座');
    await dialog(page).getByRole('button', { name: /^复位/ }).click();
  }
  await expect(page.getByText('已关闭').first()).toBeVisible();
  const detector = await relayDetector(page);
  await page.goto(`/alarms?tab=history&detector=${detector.id}`);
  await expect(page.locator('[data-row]', { hasText: '剩余电流超限' })).toBeVisible();
});
