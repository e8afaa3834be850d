/** The installed application: what a browser asks of one, no connection, and messages that are pushed. Works in real Chromium. */

import { expect, read, test } from './city';
import { deliver, held, shown } from './worker';

test('a browser can install it', async ({ at, context }) => {
  const page = await at('/');
  await held(page);
  const cdp = await context.newCDPSession(page);
  const { url, errors, data } = await cdp.send('Page.getAppManifest');
  expect(errors).toEqual([]);
  expect(url).toMatch(/\/manifest\.webmanifest$/);
  const manifest = JSON.parse(data ?? '{}') as { display: string; icons: { src: string; sizes: string; purpose?: string }[] };
  expect(manifest.display).toBe('standalone');
  expect(manifest.icons.map((icon) => icon.purpose ?? 'any')).toContain('maskable');
  for (const icon of manifest.icons) {
    const answer = await context.request.get(icon.src);
    expect(answer.headers()['content-type']).toBe('image/png');
    // Width and height stand at fixed places of a PNG.
    const bytes = await answer.body();
    expect(`${bytes.readUInt32BE(16)}x${bytes.readUInt32BE(20)}`).toBe(icon.sizes);
  }
  const { installabilityErrors } = await cdp.send('Page.getInstallabilityErrors');
  // A window of a test is a private one, which no browser installs from.
  expect(installabilityErrors.map((error) => error.errorId).filter((id) => id !== 'in-incognito')).toEqual([]);
  const worker = await context.request.get('/worker.js');
  expect(worker.headers()['cache-control']).toBe('no-cache');
  expect(worker.headers()['content-type']).toContain('javascript');
});

test('without a connection the last known state is shown and said to be old', async ({ at, context }) => {
  const page = await at('/');
  await held(page);
  // What is opened once under the worker is kept.
  await page.goto('/alarms');
  await expect(page.getByRole('heading', { level: 1, name: '告警中心' })).toBeVisible();
  await expect(page.locator('[data-row]').first()).toBeVisible({ timeout: 90_000 });
  await context.setOffline(true);
  await page.reload();
  await expect(page.getByRole('heading', { level: 1, name: '告警中心' })).toBeVisible();
  await expect(page.getByRole('alert').filter({ hasText: '最后已知状态' })).toBeVisible();
  await expect(page.locator('[data-row]').first()).toBeVisible();
  await context.setOffline(false);
  await page.reload();
  await expect(page.locator('[data-row]').first()).toBeVisible();
  await expect(page.getByRole('alert').filter({ hasText: '最后已知状态' })).toHaveCount(0);
});

test('what was kept is forgotten with the session', async ({ at }) => {
  const page = await at('/');
  await held(page);
  await page.goto('/sites');
  await expect.poll(() => page.evaluate(() => caches.has('last-known'))).toBe(true);
  await page.evaluate(async () => {
    const session = (await (await fetch('/api/v1/session')).json()) as { csrf_token: string };
    await fetch('/api/v1/session', { method: 'DELETE', headers: { 'x-csrf-token': session.csrf_token } });
  });
  await page.goto('/sites');
  await expect(page).toHaveURL(/sign-in/);
  await expect.poll(() => page.evaluate(() => caches.has('last-known'))).toBe(false);
});

test('a pushed message is shown, opened, and a broken one is not lost in silence', async ({ at, context }) => {
  await context.grantPermissions(['notifications']);
  const page = await at('/');
  await held(page);
  const { items } = await read<{ items: { id: number }[] }>(page, '/sites?limit=1');
  const message = { v: 1, title: '报警 · 测试商铺', body: '剩余电流 420 mA，限值 300 mA', severity: 'alarm', language: 'zh-CN', group: 'site-1', link: `/sites/${items[0]?.id ?? 0}`, acknowledge_link: null };
  await deliver(context, page, message);
  await expect.poll(() => shown(page)).toEqual([{ title: message.title, body: message.body, tag: 'site-1', requireInteraction: true, actions: ['open'] }]);
  // The next one of the group takes its place.
  await deliver(context, page, { ...message, title: '报警 · 2 条' });
  await expect.poll(async () => (await shown(page)).map((one) => one.title)).toEqual(['报警 · 2 条']);
  await deliver(context, page, { v: 9 });
  await expect.poll(async () => (await shown(page)).map((one) => one.title).sort()).toEqual(['Emberwatch', '报警 · 2 条']);
});
