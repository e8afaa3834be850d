/** Maintenance windows beside the plain one of 8-alarm-life: changed by hand, one that has begun, one over a whole area. */

import type { Locator, Page } from '@playwright/test';
import { axe, expect, read, test } from './city';

const HOUR_MS = 3_600_000;
/** A moment as the form wants it, by the clock of the city. */
const typed = (ms: number): string => new Date(ms).toLocaleString('sv', { timeZone: 'Asia/Shanghai' }).slice(0, 16).replace(' ', 'T');

/** A new window with this reason; `fill` chooses what it covers. */
async function make(page: Page, reason: string, starts: string, ends: string, fill: (dialog: Locator) => Promise<void>): Promise<Locator> {
  const dialog = page.getByRole('dialog');
  await page.getByRole('button', { name: '新建检修窗口' }).first().click();
  await fill(dialog);
  await dialog.getByLabel('开始').fill(starts);
  await dialog.getByLabel('结束').fill(ends);
  await dialog.getByLabel('原因').fill(reason);
  await dialog.getByRole('button', { name: '保存' }).click();
  await expect(dialog).toHaveCount(0);
  return page.locator('[data-row]', { hasText: reason }).first();
}

async function end(page: Page, row: Locator): Promise<void> {
  await row.getByRole('button', { name: '立即结束' }).click();
  await page.getByRole('dialog').getByRole('button', { name: '立即结束' }).click();
  await expect(row).toContainText('提前结束');
}

test('a window that has begun keeps its beginning and what it covers, and takes another end', async ({ at }, info) => {
  const page = await at('/maintenance');
  const sites = (await read<{ items: { id: number; name: string }[] }>(page, '/sites?limit=100')).items;
  const name = sites.at(-1)?.name ?? '';
  const dialog = page.getByRole('dialog');
  const row = await make(page, `换表 ${info.project.name}`, typed(Date.now() - HOUR_MS), typed(Date.now() + HOUR_MS), async () => {
    await dialog.getByLabel('按名称找站点').fill(name);
    await dialog.getByLabel('站点 *').selectOption({ label: name });
  });
  await expect(row).toContainText('进行中');
  await row.getByRole('button', { name: /^修改检修窗口/ }).click();
  await expect(dialog.getByLabel('开始')).toBeDisabled();
  await expect(dialog.getByText('已经开始，开始时间不能再改')).toBeVisible();
  await expect(dialog.getByLabel('站点 *')).toHaveCount(0);
  await dialog.getByLabel('结束').fill('2020-01-01T10:00');
  await dialog.getByRole('button', { name: '保存' }).click();
  await expect(dialog.locator('.says[id]').first()).toBeVisible();
  await expect(dialog.getByLabel('结束')).toHaveValue('2020-01-01T10:00');
  expect(await axe(page)).toEqual([]);
  const later = typed(Date.now() + 30 * HOUR_MS);
  await dialog.getByLabel('结束').fill(later);
  await dialog.getByRole('button', { name: '保存' }).click();
  await expect(dialog).toHaveCount(0);
  await expect(row).toContainText(later.slice(5).replace('T', ' '));
  await expect(row).toContainText('管理员 于');
  await end(page, row);
});

test('a window over an area names it, asks for it, and leads to it', async ({ at }, info) => {
  const page = await at('/maintenance');
  const outline = await read<{ features: { properties: { code: string; name: string } }[] }>(page, '/map/outline');
  const area = outline.features[0]?.properties;
  if (area === undefined) throw new Error('the city has areas');
  const dialog = page.getByRole('dialog');
  const row = await make(page, `停电作业 ${info.project.name}`, '2099-03-01T08:00', '2099-03-01T10:00', async () => {
    await dialog.getByLabel('范围').selectOption({ label: '整个辖区' });
    await dialog.getByLabel('原因').fill('还没选辖区');
    await dialog.getByRole('button', { name: '保存' }).click();
    await expect(dialog.getByText('请填写此项')).toBeVisible();
    await expect(dialog.getByLabel('原因')).toHaveValue('还没选辖区');
    expect(await axe(page)).toEqual([]);
    await dialog.getByLabel('辖区 *').selectOption({ label: area.name });
  });
  await expect(row).toContainText('整个辖区');
  await expect(row.getByRole('link', { name: area.name })).toHaveAttribute('href', `/?area=${area.code}`);
  await end(page, row);
});
