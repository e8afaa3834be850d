/** Risk: the ranking with its one act, the site's panel with the causes, and how a score comes about. */

import { axe, expect, read, settled, test } from './city';

interface Ranked {
  items: { site_id: number; site_name: string; score: number; act: { code: string } | null }[];
}

test.setTimeout(180_000);

test('the worst site comes first and says what to do first, also on its own page', async ({ at }) => {
  const page = await at('/');
  // The city's first alarms come within seconds, and scores follow them within a minute.
  const worst = async (): Promise<Ranked['items'][number] | undefined> => (await read<Ranked>(page, '/risk?limit=100')).items.find((site) => site.act?.code === 'handle_alarm');
  await expect.poll(worst, { timeout: 120_000 }).toBeDefined();
  await page.goto('/risk');
  await settled(page);
  await expect(page.getByRole('heading', { level: 1, name: '风险' })).toBeVisible();
  await expect(page.getByRole('region', { name: '风险排名' }).locator('[data-row]').first()).toContainText('可降');
  const folded = page.locator('summary', { hasText: '各辖区' });
  if (await folded.isVisible()) await folded.click();
  await expect(page.getByRole('region', { name: '各辖区' }).getByRole('button').first()).toBeVisible();
  expect(await axe(page)).toEqual([]);
  await page.emulateMedia({ colorScheme: 'dark', reducedMotion: 'reduce' });
  expect(await axe(page, ['color-contrast'])).toEqual([]);

  await page.getByRole('button', { name: '分数怎么来的' }).click();
  await expect(page.getByRole('dialog').getByText('探测器离线')).toBeVisible();
  await page.keyboard.press('Escape');

  const first = await worst();
  await page.goto(`/sites/${first?.site_id ?? 0}`);
  const panel = page.getByRole('region', { name: '风险', exact: true });
  await expect(panel.getByText('最该先做')).toBeVisible();
  await expect(panel.getByText('可降').first()).toBeVisible();
});
