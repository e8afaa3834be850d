/** Forms, language, appearance, and a server that goes away. */

import { expect, PASSWORD, read, test } from './city';

test('a form names the wrong field and keeps what was typed', async ({ at }) => {
  const page = await at('/sites');
  await page.getByRole('button', { name: '新建站点' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.locator('[name="name"]').fill('半张表单');
  await dialog.locator('[name="lon"]').fill('东经113');
  await dialog.locator('[name="contact_name"]').fill('李强');
  await dialog.getByRole('button', { name: '保存' }).click();
  await expect(dialog.locator('.input-field', { has: page.locator('[name="lon"]') }).getByText('请填写数字')).toBeVisible();
  await expect(dialog.locator('.input-field', { has: page.locator('[name="area_code"]') }).getByText('请填写此项')).toBeVisible();
  await expect(dialog.locator('[name="lon"]')).toHaveValue('东经113');
  await expect(dialog.locator('[name="contact_name"]')).toHaveValue('李强');

  // What only the server knows is said at the field too.
  await dialog.locator('[name="lon"]').fill('113.13');
  await dialog.locator('[name="lat"]').fill('27.83');
  await dialog.locator('[name="area_code"]').selectOption('430203');
  await dialog.locator('[name="organisation_id"]').selectOption({ index: 1 });
  await dialog.locator('[name="zone"]').fill('Mars/Olympus');
  await dialog.getByRole('button', { name: '保存' }).click();
  await expect(dialog.locator('.input-field', { has: page.locator('[name="zone"]') }).locator('.says')).toBeVisible();
  await expect(dialog.locator('[name="name"]')).toHaveValue('半张表单');
  await dialog.locator('[name="zone"]').fill('Asia/Shanghai');
  await dialog.getByRole('button', { name: '保存' }).click();
  await expect(page).toHaveURL(/\/sites\/\d+/);
  await expect(page.getByRole('heading', { level: 1, name: '半张表单' })).toBeVisible();
  await expect(page.getByText('还没有配电箱')).toBeVisible();
});

test('a site shows its panels, circuits and live values', async ({ at }) => {
  const start = await at('/sites');
  const { items } = await read<{ items: { id: number; counts: { detectors: number } }[] }>(start, '/sites?limit=50');
  const site = items.find((one) => one.counts.detectors > 1);
  expect(site).toBeDefined();
  const page = await at(`/sites/${site?.id ?? 0}`);
  await expect(page.locator('.bus .feeder').first()).toBeVisible();
  await expect(page.locator('.detector .number').first()).toHaveText(/^-?\d/, { timeout: 60_000 });
});

test('filters live in the address, and a list is saved for a spreadsheet', async ({ at }) => {
  const page = await at('/detectors?sort=name');
  await page.getByRole('searchbox').fill('查无此设备');
  await expect(page).toHaveURL(/q=/);
  await expect(page.getByText('没有符合条件的记录')).toBeVisible();
  await page.reload();
  await expect(page.getByRole('searchbox')).toHaveValue('查无此设备');
  await page.getByRole('button', { name: '清除筛选' }).click();
  await expect(page.locator('[data-row]').first()).toBeVisible();

  const saved = page.waitForEvent('download');
  await page.getByRole('button', { name: '导出 CSV' }).click();
  expect((await saved).suggestedFilename()).toMatch(/^探测器-\d{4}-\d{2}-\d{2}\.csv$/);
});

test('language and appearance change at once and stay', async ({ at }) => {
  const page = await at('/sites');
  await page.getByRole('button', { name: '语言' }).click();
  await page.getByText('English', { exact: true }).click();
  await expect(page.getByRole('heading', { level: 1, name: 'Sites' })).toBeVisible();
  await page.getByRole('button', { name: 'Language' }).click();
  await page.getByText('繁體中文', { exact: true }).click();
  await expect(page.getByRole('heading', { level: 1, name: '場所' })).toBeVisible();
  await page.reload();
  await expect(page.getByRole('heading', { level: 1, name: '場所' })).toBeVisible();
  await page.getByRole('button', { name: '語言' }).click();
  await page.getByText('简体中文', { exact: true }).click();

  await page.getByRole('button', { name: '外观' }).click();
  await page.getByText('深色', { exact: true }).click();
  await expect(page.locator('html')).toHaveAttribute('data-theme', 'dark');
  await page.reload();
  await expect(page.locator('html')).toHaveAttribute('data-theme', 'dark');
});

test('an account is made with a one-time password shown once, and may only what its role may', async ({ at, browser, city }, info) => {
  const page = await at('/people');
  await page.getByRole('button', { name: '新建账号' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.locator('[name="name"]').fill('李老板');
  await dialog.getByRole('button', { name: '保存' }).click();
  await expect(dialog.getByText('请填写此项')).toBeVisible();
  await expect(dialog.locator('[name="name"]')).toHaveValue('李老板');
  await dialog.locator('[name="login"]').fill('laoli');
  await dialog.locator('[name="grants[0].role"]').selectOption('owner');
  await dialog.locator('[name="grants[0].area"]').selectOption('430203');
  await dialog.getByRole('button', { name: '保存' }).click();
  await expect(dialog.getByText('只显示这一次')).toBeVisible();
  const once = (await dialog.locator('code').textContent()) ?? '';
  expect(once.length).toBeGreaterThan(8);
  await dialog.getByRole('button', { name: '我已记下' }).click();
  await expect(page.locator('[data-row]', { hasText: 'laoli' })).toContainText('商户');
  await expect(page.getByText(once)).toHaveCount(0);

  const other = await browser.newContext({ baseURL: city.server.url, viewport: info.project.use.viewport ?? null, locale: 'zh-CN', timezoneId: 'Asia/Shanghai' });
  const owner = await other.newPage();
  await owner.goto('/sign-in');
  await owner.getByLabel('账号').fill('laoli');
  await owner.locator('input[name="password"]').fill(once);
  await owner.locator('button[type="submit"]').click();
  const inputs = owner.locator('input[type="password"]');
  await expect(inputs).toHaveCount(3);
  await inputs.nth(0).fill(once);
  await inputs.nth(1).fill(PASSWORD);
  await inputs.nth(2).fill(PASSWORD);
  await owner.locator('button[type="submit"]').click();
  await expect(owner.getByRole('heading', { level: 1, name: '总览' })).toBeVisible();
  for (const path of ['/people', '/audit', '/pending']) {
    await owner.goto(path);
    await expect(owner.getByText('当前账号无权查看此内容')).toBeVisible();
  }
  await owner.goto('/sites');
  await expect(owner.locator('[data-row]').first()).toBeVisible();
  await expect(owner.getByRole('button', { name: '新建站点' })).toHaveCount(0);
  const { items } = await read<{ items: { area_code: string }[] }>(owner, '/sites?limit=500');
  expect(new Set(items.map((site) => site.area_code))).toEqual(new Set(['430203']));
  await other.close();
});

test('a lost server is said at once and healed by itself', async ({ at, city }) => {
  const page = await at('/alarms');
  await expect(page.getByText('实时', { exact: true })).toBeVisible();
  await page.evaluate(() => ((window as unknown as { stayed: boolean }).stayed = true));
  await city.server.kill();
  await expect(page.getByRole('alert').filter({ hasText: '实时连接已中断' })).toBeVisible({ timeout: 5000 });
  await city.server.start();
  await expect(page.getByRole('alert').filter({ hasText: '实时连接已中断' })).toHaveCount(0, { timeout: 30_000 });
  await expect(page.getByText('实时', { exact: true })).toBeVisible();
  expect(await page.evaluate(() => (window as unknown as { stayed?: boolean }).stayed)).toBe(true);
  // The second start kept the account, the session and the city.
  await page.goto('/sites');
  await expect(page.locator('[data-row]').first()).toBeVisible();
});
