// The main path in a real browser: sign in, first alarm, its curve, acknowledge, on PC and phone.
// EMBERWATCH_URL, EMBERWATCH_LOGIN and EMBERWATCH_PASSWORD say which running server; a one-time password is changed
// to EMBERWATCH_NEW_PASSWORD on the way.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { held, launch, open } from './browser.mjs';

const url = process.env.EMBERWATCH_URL ?? 'http://127.0.0.1:8080';
const login = process.env.EMBERWATCH_LOGIN ?? 'admin';
const fresh = process.env.EMBERWATCH_NEW_PASSWORD ?? 'Watch-the-embers-26';
let password = process.env.EMBERWATCH_PASSWORD ?? '';
/** How long the first alarm may take: a minute from the server's start, and some for this machine. */
const FIRST_ALARM_MS = 90_000;

async function signIn(page) {
  await page.goto(`${url}/`);
  await page.getByLabel('账号').fill(login);
  await page.getByLabel('密码', { exact: true }).fill(password);
  await page.getByRole('button', { name: '登录' }).click();
  const forced = page.getByRole('heading', { name: '设置新密码' });
  const home = page.getByRole('heading', { name: '总览' });
  await forced.or(home).waitFor();
  if (await forced.isVisible()) {
    await held(page, 'new password');
    await page.getByLabel('当前密码').fill(password);
    await page.getByLabel('新密码', { exact: true }).fill(fresh);
    await page.getByLabel('再输一次新密码').fill(fresh);
    await page.getByRole('button', { name: '保存新密码' }).click();
    password = fresh;
  }
  await home.waitFor();
}

describe('main path', { timeout: 300_000 }, () => {
  let browser;
  before(async () => {
    browser = await launch();
  });
  after(() => browser.close());

  for (const shape of ['pc', 'phone']) {
    it(`from sign-in to acknowledgement on a ${shape}`, async () => {
      const { context, page, errors } = await open(browser, shape);
      await page.goto(`${url}/sign-in`);
      await page.getByLabel('账号').waitFor();
      await held(page, 'sign-in');
      await signIn(page);
      await page.locator('.stream.live').waitFor();
      await held(page, 'overview');

      await page.goto(`${url}/alarms?state=unacknowledged`);
      const first = page.locator('[data-row]').first();
      await first.waitFor({ timeout: FIRST_ALARM_MS });
      await held(page, 'alarm desk');
      await first.getByRole('link').first().click();
      await page.waitForURL(/\/alarms\/\d+/);
      const pane = page.locator('.pane');
      await pane.getByText('现在怎么办').waitFor();
      assert.ok((await pane.locator('.steps li').count()) > 0, 'there is something to do');
      await held(page, 'alarm');

      const id = /\/alarms\/(\d+)/.exec(page.url())?.[1];
      await pane.getByRole('button', { name: '确认' }).click();
      await page.getByText('已确认 1 条告警').waitFor();
      await pane.getByText(/于 .* 确认/).first().waitFor();
      const told = await (await page.request.get(`${url}/api/v1/alarms/${id}`)).json();
      assert.ok(told.acknowledged_at !== null, 'the server knows it too');

      await pane.getByRole('link', { name: '探测器与曲线' }).click();
      await page.waitForURL(/\/detectors\/\d+/);
      await page.locator('canvas').first().waitFor();
      await held(page, 'detector');
      assert.deepEqual(errors, []);
      await context.close();
    });
  }

  it('has pages that hold up in dark and in each language', async () => {
    for (const language of ['zh-TW', 'en']) {
      const { context, page, errors } = await open(browser, 'pc', { colorScheme: 'dark' });
      await signIn(page);
      await page.evaluate((code) => localStorage.setItem('emberwatch.language', code), language);
      for (const path of ['/', '/alarms', '/alarms?tab=history', '/sites', '/detectors', '/pending', '/profiles', '/settings', '/people', '/audit', '/system', '/me']) {
        await page.goto(url + path);
        await page.getByRole('heading', { level: 1 }).first().waitFor();
        await page.waitForFunction(() => document.querySelector('[aria-busy="true"]') === null);
        await held(page, `${path} in ${language}`);
      }
      assert.deepEqual(errors, []);
      await context.close();
    }
  });

  it('says at once that the stream is lost, and heals', async () => {
    const { context, page } = await open(browser, 'pc');
    await signIn(page);
    await page.locator('.stream.live').waitFor();
    await context.setOffline(true);
    await page.getByText('实时连接已中断').waitFor({ timeout: 3000 });
    await context.setOffline(false);
    await page.locator('.stream.live').waitFor({ timeout: 15_000 });
    await context.close();
  });
});
