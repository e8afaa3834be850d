/** Telling people, set up by hand in the browser, and an alarm that is pushed, acknowledged from the message and seen so at the desk. */

import type { Locator, Page } from '@playwright/test';
import { axe, expect, read, test } from './city';
import { PushService } from './pushService';
import { deliver, held, shown } from './worker';

test.describe.configure({ mode: 'serial' });

/** The clock of the city, `hours` from now. */
const clockIn = (hours: number): string => new Date(Date.now() + hours * 3_600_000).toLocaleTimeString('en-GB', { timeZone: 'Asia/Shanghai', hour: '2-digit', minute: '2-digit' });
/** The alarms that the reader has acknowledged. */
async function acknowledged(page: Page): Promise<number[]> {
  const { items } = await read<{ items: { id: number; acknowledged_by: string | null }[] }>(page, '/alarms?limit=200');
  return items.filter((alarm) => alarm.acknowledged_by === '管理员').map((alarm) => alarm.id);
}
const dialog = (page: Page): Locator => page.getByRole('dialog');

test('a channel that is filled in wrongly says where, and keeps what was typed', async ({ at }) => {
  const page = await at('/telling');
  await expect(page.getByText('现在发生报警，通知不到任何人').first()).toBeVisible();
  await expect(page.getByText('还没有通知渠道', { exact: true })).toBeVisible();
  await page.getByRole('button', { name: '新建渠道' }).click();
  await dialog(page).getByRole('button', { name: '保存' }).click();
  await expect(dialog(page).getByText('请填写此项').first()).toBeVisible();
  await dialog(page).getByLabel('名称').fill('公司邮箱');
  await dialog(page).getByLabel('服务器').fill('127.0.0.1');
  // Nothing listens there.
  await dialog(page).getByLabel('端口').fill('1');
  await dialog(page).getByLabel('发件人').fill('not a mailbox');
  await dialog(page).getByRole('button', { name: '保存' }).click();
  await expect(dialog(page).getByText('不是有效的邮箱')).toBeVisible();
  await expect(dialog(page).getByLabel('名称')).toHaveValue('公司邮箱');
  expect(await axe(page)).toEqual([]);
  await dialog(page).getByLabel('发件人').fill('alarm@example.com');
  await dialog(page).getByRole('button', { name: '保存' }).click();
  await expect(dialog(page)).toHaveCount(0);
  await expect(page.getByRole('heading', { name: '公司邮箱' })).toBeVisible();
});

test('a test goes to oneself, and says what the other side said', async ({ at }) => {
  const page = await at('/me');
  const panel = page.locator('section', { hasText: '联系方式' });
  await panel.getByLabel('邮箱').fill('me@example.com');
  await panel.getByLabel('手机号').fill('138 0013 8000');
  await panel.getByRole('button', { name: '添加时段' }).click();
  // Half a day away: the alarm below is to wake, whatever the hour.
  await panel.locator('input[type=time]').first().fill(clockIn(11));
  await panel.locator('input[type=time]').last().fill(clockIn(12));
  await panel.getByRole('button', { name: '保存' }).click();
  await expect(panel.getByLabel('手机号')).toHaveValue('+8613800138000');
  await page.goto('/telling');
  await page.getByRole('button', { name: '测试' }).click();
  await expect(page.getByRole('status').filter({ hasText: '暂时送不出去' })).toBeVisible({ timeout: 30_000 });
});

test('the ladder is drawn step by step, and a rule goes by it', async ({ at }) => {
  const page = await at('/telling?tab=ladders');
  await page.getByRole('button', { name: '新建升级步骤' }).click();
  await dialog(page).getByLabel('名称').fill('先推送给我');
  await dialog(page).getByRole('button', { name: '去掉“该站点的值班员”' }).click();
  await dialog(page).locator('fieldset').first().getByRole('combobox', { name: '通知谁 · 添加…' }).selectOption({ label: '管理员' });
  await dialog(page).getByRole('button', { name: '添加一步' }).click();
  await dialog(page).locator('[name="after-1"]').fill('0');
  await dialog(page).getByRole('button', { name: '保存' }).click();
  await expect(dialog(page).getByText('应晚于上一步')).toBeVisible();
  await dialog(page).locator('[name="after-1"]').fill('3');
  await dialog(page).locator('fieldset').nth(1).getByRole('combobox', { name: '通知谁 · 添加…' }).selectOption({ label: '该站点的安全管理人' });
  await dialog(page).getByRole('button', { name: '保存' }).click();
  await expect(dialog(page)).toHaveCount(0);
  const ladder = page.locator('li', { hasText: '先推送给我' });
  await expect(ladder.getByText('3 分钟后')).toBeVisible();
  expect(await axe(page)).toEqual([]);

  await page.goto('/telling?tab=routes');
  await page.getByRole('button', { name: '新建规则' }).click();
  await dialog(page).getByLabel('名称').fill('什么都告诉我');
  await dialog(page).locator('[name="ladder"]').selectOption({ label: '先推送给我' });
  await dialog(page).locator('[name="severity"]').selectOption({ label: '故障' });
  await dialog(page).getByRole('button', { name: '保存' }).click();
  await expect(page.locator('li', { hasText: '什么都告诉我' })).toContainText('先推送给我');
});

test('somebody has the shift, and the calendar says who', async ({ at }) => {
  const page = await at('/telling?tab=duty');
  await page.getByRole('button', { name: '新建值班表' }).click();
  await dialog(page).getByLabel('名称').fill('消控室');
  await dialog(page).getByRole('button', { name: '保存' }).click();
  await expect(dialog(page).getByText('请填写此项').first()).toBeVisible();
  for (const n of [1, 2]) await dialog(page).getByLabel(`第 ${n} 班由谁`).selectOption({ label: '管理员' });
  await dialog(page).getByRole('button', { name: '保存' }).click();
  await expect(page.getByText('现在值班：管理员')).toBeVisible();
  expect(await axe(page)).toEqual([]);
});

test('an alarm is pushed, acknowledged from the message, and the desk shows who', async ({ at, context }) => {
  test.setTimeout(300_000);
  const service = new PushService();
  await service.start();
  try {
    await context.grantPermissions(['notifications']);
    const page = await at('/telling');
    await service.serve(page);
    await page.getByRole('button', { name: '新建渠道' }).click();
    await dialog(page).locator('[name="kind"]').selectOption({ label: '浏览器与手机推送' });
    await dialog(page).getByLabel('名称').fill('推送');
    await dialog(page).getByLabel('联系方式').fill('mailto:it@example.com');
    await dialog(page).getByRole('button', { name: '保存' }).click();
    await expect(page.getByRole('heading', { name: '推送', exact: true })).toBeVisible();

    await page.goto('/me');
    await held(page);
    const panel = page.locator('section', { hasText: '浏览器与手机推送' });
    await panel.getByRole('button', { name: '在这台设备上开启' }).click();
    await expect(panel.getByText('这台设备')).toBeVisible();
    await panel.getByRole('button', { name: '测试' }).click();
    await expect.poll(() => service.taken.length).toBe(1);
    await expect(page.getByText('几秒内应出现通知')).toBeVisible();

    // The city raises its alarms by itself.
    await expect.poll(() => service.taken.find((message) => message.acknowledge_link !== null && message.link !== null) ?? null, { timeout: 180_000 }).not.toBeNull();
    const message = service.taken.find((one) => one.acknowledge_link !== null && one.link !== null);
    if (message === undefined) throw new Error('no alarm was pushed');
    expect(service.refused).toEqual([]);
    await deliver(context, page, message);
    await expect.poll(async () => (await shown(page)).map((one) => one.actions)).toContainEqual(['acknowledge', 'open']);

    const before = await acknowledged(page);
    // A notification of the system is out of a test's reach: its button is pressed where the worker hears of it.
    const worker = context.serviceWorkers()[0] ?? (await context.waitForEvent('serviceworker'));
    await worker.evaluate(async (title) => {
      interface Scope {
        registration: ServiceWorkerRegistration;
        NotificationEvent: new (type: string, init: { notification: Notification; action: string }) => Event;
        dispatchEvent: (event: Event) => boolean;
      }
      const scope = self as unknown as Scope;
      const notification = (await scope.registration.getNotifications()).find((one) => one.title === title);
      if (notification === undefined) throw new Error('the notification is gone');
      scope.dispatchEvent(new scope.NotificationEvent('notificationclick', { notification, action: 'acknowledge' }));
    }, message.title);
    await expect.poll(async () => (await shown(page)).map((one) => one.title)).toContain(`已确认: ${message.title}`);

    const mine = (await acknowledged(page)).find((id) => !before.includes(id));
    if (mine === undefined) throw new Error('no alarm was acknowledged by the message');
    await page.goto(`/alarms/${mine}`);
    await expect(page.getByText(/管理员.*确认/).first()).toBeVisible();
    const told = page.getByRole('region', { name: '通知了谁' });
    await expect(told.getByText('已送达').first()).toBeVisible();
    await expect(told.getByText('推送').first()).toBeVisible();
    expect(await axe(page)).toEqual([]);
  } finally {
    service.stop();
  }
});
