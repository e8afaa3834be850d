/** Alarms that are set aside and taken back, what they were in truth, maintenance windows, and the figures made of it all. */

import { type Page } from '@playwright/test';
import { axe, expect, read, settled, test } from './city';

interface Row {
  id: number;
  site_id: number;
  site_name: string;
}

async function anAlarm(page: Page): Promise<Row> {
  await expect.poll(async () => (await read<{ items: Row[] }>(page, '/alarms?state=open&aside=none&limit=1')).items.length, { timeout: 60_000 }).toBe(1);
  const first = (await read<{ items: Row[] }>(page, '/alarms?state=open&aside=none&limit=1')).items[0];
  if (first === undefined) throw new Error('no alarm is open');
  return first;
}

test('an alarm is set aside with a reason, the desk says so, and it is taken back', async ({ at }) => {
  const { id } = await anAlarm(await at('/'));
  const page = await at(`/alarms/${id}`);
  await page.getByRole('button', { name: '搁置', exact: true }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('搁置多久').selectOption('480');
  await dialog.getByRole('button', { name: '搁置', exact: true }).click();
  await expect(dialog.getByText('请填写此项')).toBeVisible();
  await expect(dialog.getByLabel('搁置多久')).toHaveValue('480');
  expect(await axe(page)).toEqual([]);
  await dialog.getByLabel('原因').fill('探头送检');
  await dialog.getByRole('button', { name: '搁置', exact: true }).click();
  await expect(dialog).toHaveCount(0);
  const note = page.getByRole('status').filter({ hasText: '已搁置' });
  await expect(note).toContainText('探头送检');
  expect(await axe(page)).toEqual([]);

  await page.goto('/alarms?tab=aside');
  await settled(page);
  await expect(page.locator(`[data-row] a[href*="/alarms/${id}"]`).first()).toBeVisible();
  await page.goto(`/alarms/${id}`);
  await note.getByRole('button', { name: '取消搁置' }).click();
  await expect(note).toHaveCount(0);
});

test('a false alarm is told with one tap and changes the figures', async ({ at }) => {
  const { id } = await anAlarm(await at('/'));
  const judged = async (page: Page): Promise<number> => (await read<{ by_site: { judged: number }[] }>(page, '/alarms/metrics')).by_site.reduce((sum, row) => sum + row.judged, 0);
  const page = await at(`/alarms/${id}`);
  const before = await judged(page);
  await page.getByRole('button', { name: '误报…' }).click();
  const dialog = page.getByRole('dialog');
  expect(await axe(page)).toEqual([]);
  await dialog.getByRole('button', { name: '施工或检修引起' }).click();
  await expect(dialog).toHaveCount(0);
  await expect(page.getByText('已记录：施工检修')).toBeVisible();
  expect(await judged(page)).toBe(before + 1);
  await page.goto('/alarm-metrics?by=site');
  await settled(page);
  const rates = page.locator('section', { hasText: '误报率' }).last();
  await expect(rates.locator('tbody tr').first()).toContainText('100 %');
  expect(await axe(page)).toEqual([]);
});

test('a maintenance window names the wrong field, is made, and is ended', async ({ at }) => {
  const { site_name: name } = await anAlarm(await at('/'));
  const page = await at('/maintenance');
  expect(await axe(page)).toEqual([]);
  await page.getByRole('button', { name: '新建检修窗口' }).first().click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('按名称找站点').fill(name);
  await dialog.getByLabel('站点 *').selectOption({ label: name });
  await dialog.getByLabel('开始').fill('2026-01-01T08:00');
  await dialog.getByLabel('结束').fill('2026-01-01T10:00');
  await dialog.getByLabel('原因').fill('更换配电柜');
  await dialog.getByRole('button', { name: '保存' }).click();
  await expect(dialog.getByText('结束时间已过')).toBeVisible();
  await expect(dialog.getByLabel('原因')).toHaveValue('更换配电柜');
  expect(await axe(page)).toEqual([]);
  await dialog.getByLabel('开始').fill('2099-01-01T08:00');
  await dialog.getByLabel('结束').fill('2099-01-01T10:00');
  await dialog.getByRole('button', { name: '保存' }).click();
  await expect(dialog).toHaveCount(0);
  const row = page.locator('[data-row]', { hasText: '更换配电柜' }).first();
  await expect(row).toContainText('未开始');
  await row.getByRole('button', { name: '立即结束' }).click();
  await dialog.getByRole('button', { name: '立即结束' }).click();
  await expect(row).toContainText('提前结束');
});
