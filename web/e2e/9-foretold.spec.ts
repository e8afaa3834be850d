/** An alarm of something that is not there yet: what foretells it stands with it, in words and with the way to its curves. */

import type { Page } from '@playwright/test';
import { axe, expect, read, settled, test } from './city';

interface Detail {
  id: number;
  detector_id: number;
  [field: string]: unknown;
}

// The worker would answer from what it keeps, and the answers here are made up.
test.use({ serviceWorkers: 'block' });

/** An alarm of the city as if a loosening terminal had been foretold: weeks of history cannot pass in a test. */
async function foretold(page: Page): Promise<Detail> {
  await expect.poll(async () => (await read<{ items: Detail[] }>(page, '/alarms?class=hazard&limit=1')).items.length, { timeout: 90_000 }).toBeGreaterThan(0);
  const { id = 0 } = (await read<{ items: Detail[] }>(page, '/alarms?class=hazard&limit=1')).items[0] ?? {};
  const alarm = await read<Detail>(page, `/alarms/${id}`);
  const none = { current_value: null, current_at: null, limit: null, worst_value: null, channel_id: null, unit: null };
  await page.route(new RegExp(`/api/v1/alarms/${id}$`), (route) => route.fulfill({ json: { ...alarm, ...none, hazard: 'predicted_terminal', severity: 'warning', state: 'unacknowledged', returned_at: null, closed_at: null, finding_id: 7 } }));
  return alarm;
}

const finding = (detector: number) => ({
  id: 7, site_id: 1, site_name: '站点', detector_id: detector, detector_name: '探测器', circuit_name: 'WL1', channel: 'temp_b', kind: 'loosening_terminal', phase: 'b',
  strength: 'strong', confidence: 0.993, first_seen_at: '2026-10-20T16:00:00Z', strong_since: '2026-10-24T16:00:00Z', last_seen_at: '2026-10-29T16:00:00Z', gone_at: null, dismissed_at: null, dismissed_by: null, dismiss_reason: null, engine_version: 1,
  figures: [{ name: 'percent', value: 31, unit: '%' }, { name: 'percent_low', value: 24, unit: '%' }, { name: 'percent_high', value: 38, unit: '%' }, { name: 'weeks', value: 4, unit: '' }, { name: 'extra', value: 6.2, unit: 'K' }],
  from: '2026-10-01T16:00:00Z', until: '2026-10-29T16:00:00Z', steps: [], evidence: [],
});

test('a foretold alarm says why, how sure that is, and where the curves are', async ({ at }) => {
  const page = await at('/');
  const alarm = await foretold(page);
  await page.route(/\/api\/v1\/findings\/7$/, (route) => route.fulfill({ json: finding(alarm.detector_id) }));
  await page.goto(`/alarms/${alarm.id}`);
  await settled(page);
  await expect(page.getByText('由诊断预测得出，目前尚未超限。')).toBeVisible();
  const why = page.getByRole('region', { name: '预测依据' });
  await expect(why).toContainText('B 相接头正在松动：每平方安培的发热比 4 周前多 31 %（24 至 38 %）');
  await expect(why).toContainText('99 %');
  expect(await axe(page)).toEqual([]);
  await page.emulateMedia({ colorScheme: 'dark', reducedMotion: 'reduce' });
  expect(await axe(page, ['color-contrast'])).toEqual([]);
  await why.getByRole('link', { name: '查看曲线与数据' }).click();
  await expect(page).toHaveURL(new RegExp(`/detectors/${alarm.detector_id}\\?tab=analysis`));
});

test('where the finding cannot be read, the alarm says so and tries again', async ({ at }) => {
  const page = await at('/');
  const alarm = await foretold(page);
  let broken = true;
  await page.route(/\/api\/v1\/findings\/7$/, (route) => (broken ? route.fulfill({ status: 404, contentType: 'application/problem+json', json: { status: 404, code: 'not_found', title: 'not found' } }) : route.fulfill({ json: finding(alarm.detector_id) })));
  await page.goto(`/alarms/${alarm.id}`);
  const why = page.getByRole('region', { name: '预测依据' });
  await expect(why.getByRole('alert')).toBeVisible();
  expect(await axe(page)).toEqual([]);
  broken = false;
  await page.reload();
  await expect(why).toContainText('正在松动');
});
