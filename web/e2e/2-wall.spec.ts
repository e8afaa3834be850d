/** The wall screen: fits its screen at every size without scrolling, says what the overview says, nobody needs a mouse. */

import { axe, expect, read, test } from './city';

test('the wall screen fits 1920x1080 and 4K, is dark, and counts like the overview', async ({ at }) => {
  const page = await at('/');
  for (const [width, height] of [[1920, 1080], [3840, 2160]] as const) {
    await page.setViewportSize({ width, height });
    await page.goto('/wall');
    await expect(page.getByRole('heading', { level: 1, name: '用电安全监控大屏' })).toBeVisible();
    await expect(page.locator('html')).toHaveAttribute('data-theme', 'dark');
    const { counts } = await read<{ counts: { detectors: number } }>(page, '/overview');
    await expect(page.locator('.tile', { hasText: '探测器' }).locator('.number')).toHaveText(counts.detectors.toLocaleString('zh-CN'));
    await expect(page.locator('.map canvas')).toBeVisible();
    await expect(page.locator('.trend canvas')).toBeVisible();
    const over = await page.evaluate(() => [document.documentElement.scrollHeight - window.innerHeight, document.documentElement.scrollWidth - window.innerWidth]);
    expect(over).toEqual([0, 0]);
  }
  expect(await axe(page)).toEqual([]);
  await page.getByRole('link', { name: '退出大屏' }).click();
  await expect(page.getByRole('heading', { level: 1, name: '总览' })).toBeVisible();
});
