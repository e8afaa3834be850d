/** Guidance: an organisation's own words show with the alarm, and ticks on the phone stay with it. */

import { axe, expect, read, settled, test } from './city';

interface List {
  items: { id: number; hazard: string; class: string }[];
}

test.setTimeout(180_000);

test('edited words show with the alarm, ticks stay after a reload, the original comes back', async ({ at }, info) => {
  // Each project has the city of its own or shares it: the words differ, so that neither reads the other's.
  const own = `请先打 {phone}，再离开（${info.project.name}）`;
  const page = await at('/');
  await expect.poll(async () => (await read<List>(page, '/alarms?class=hazard&limit=1')).items.length, { timeout: 90_000 }).toBeGreaterThan(0);
  const alarm = (await read<List>(page, '/alarms?class=hazard&limit=1')).items[0];
  if (alarm === undefined) throw new Error('the city has alarms');

  await page.goto(`/guidance?hazard=${alarm.hazard}`);
  await settled(page);
  const first = page.getByRole('textbox', { name: '告诉商户，第 1 行' });
  await expect(first).not.toHaveValue('');
  const before = await first.inputValue();
  await first.fill('请打 {nobody}');
  await page.getByRole('button', { name: '保存' }).click();
  await expect(page.getByText('占位符不认识')).toBeVisible();
  await first.fill(own);
  await expect(page.getByRole('region', { name: '告警旁的样子' })).toContainText('〔联系电话〕');
  await page.getByRole('button', { name: '保存' }).click();
  await expect(page.getByText('使用本单位编写的文字。')).toBeVisible();
  expect(await axe(page)).toEqual([]);

  await page.goto(`/alarms/${alarm.id}`);
  await expect(page.getByText(new RegExp(`再离开（${info.project.name}）`))).toBeVisible();
  await expect(page.getByText('{phone}')).toHaveCount(0);
  await page.getByRole('tab', { name: '电工检查' }).click();
  const box = page.getByRole('checkbox').and(page.locator('.checks input')).nth(1);
  await box.check();
  await expect(page.locator('.checks li').nth(1)).toContainText('，');
  await page.reload();
  await page.getByRole('tab', { name: '电工检查' }).click();
  await expect(page.locator('.checks input').nth(1)).toBeChecked();
  await page.locator('.checks input').nth(1).uncheck();
  await expect(page.getByText('更早的勾选记录（2）')).toBeVisible();

  await page.goto(`/guidance?hazard=${alarm.hazard}&show=edited`);
  await page.getByRole('button', { name: '恢复原文' }).click();
  await page.getByRole('dialog').getByRole('button', { name: '恢复原文' }).click();
  await expect(page.getByText('使用系统自带的文字')).toBeVisible();
  await expect(page.getByRole('textbox', { name: '告诉商户，第 1 行' })).toHaveValue(before);
});
