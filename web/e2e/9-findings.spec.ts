/** The diagnosis: an honest empty list, what is lacking on a young circuit, and a finding in words with its curve. */

import type { Page } from '@playwright/test';
import { axe, expect, read, test } from './city';

const DAY_MS = 86_400_000;
const BEGIN = Date.parse('2026-10-01T16:00:00Z');

/** A finding as the server tells it; six weeks of history cannot pass in a test. */
async function withFinding(page: Page): Promise<void> {
  const { items } = await read<{ items: { id: number; name: string; site_id: number; site_name: string }[] }>(page, '/detectors?limit=1');
  const detector = items[0];
  if (detector === undefined) throw new Error('the city has detectors');
  const days = [...Array(28).keys()].map((day) => [BEGIN + day * DAY_MS, 60 + day * 3 + (day % 3)]);
  const line = (add: number): number[][] => [0, 28, 84].map((day) => [BEGIN + day * DAY_MS, 60 + day * (3 + add / 30) + add]);
  const finding = {
    id: 1, site_id: detector.site_id, site_name: detector.site_name, detector_id: detector.id, detector_name: detector.name, circuit_name: 'WL1', channel: 'residual', kind: 'ageing_insulation', phase: null,
    strength: 'strong', confidence: 0.99, first_seen_at: '2026-10-20T16:00:00Z', strong_since: '2026-10-24T16:00:00Z', last_seen_at: '2026-10-29T16:00:00Z', gone_at: null, dismissed_at: null, dismissed_by: null, dismiss_reason: null, engine_version: 1,
    figures: [{ name: 'per_week', value: 21, unit: 'mA' }, { name: 'level', value: 144, unit: 'mA' }, { name: 'limit', value: 300, unit: 'mA' }, { name: 'reach_from', value: 22, unit: 'd' }, { name: 'reach_to', value: 45, unit: 'd' }],
  };
  const curve = (name: string, points: number[][]) => ({ name, x_unit: 'ms', y_unit: 'mA', points });
  await page.route(/\/api\/v1\/findings\?/, (route) => route.fulfill({ json: { items: [finding], next_cursor: null, total: 1 } }));
  await page.route(/\/api\/v1\/findings\/1$/, (route) => route.fulfill({ json: { ...finding, from: new Date(BEGIN).toISOString(), until: '2026-10-29T16:00:00Z', steps: [{ at: finding.first_seen_at, event: 'found', confidence: 0.95, actor_name: null, reason: null }], evidence: [curve('level', days), curve('trend', line(0)), curve('range_low', line(-12)), curve('range_high', line(12))] } }));
}

test('a young city has no findings and says what is lacking', async ({ at }) => {
  const page = await at('/findings');
  await expect(page.getByRole('heading', { level: 1, name: '诊断发现' })).toBeVisible();
  await expect(page.getByText('暂无发现')).toBeVisible();
  const { items } = await read<{ items: { id: number }[] }>(page, '/detectors?limit=1');
  await page.goto(`/detectors/${items[0]?.id ?? 0}?tab=analysis`);
  await expect(page.getByText('本回路暂无发现')).toBeVisible();
  await expect(page.getByText(/已有 \d+ 天，需要 \d+ 天。|不测量所需的量/).first()).toBeVisible();
  expect(await axe(page)).toEqual([]);
});

test('a finding is told in words, with its curve, and asks why it would need nothing', async ({ at }) => {
  const page = await at('/');
  await withFinding(page);
  await page.goto('/findings');
  await page.getByRole('link', { name: '绝缘老化' }).click();
  await expect(page.getByText('漏电每周上升 21 mA，目前为 144 mA。预计 3 至 7 周后达到 300 mA。')).toBeVisible();
  await expect(page.locator('article canvas').first()).toBeVisible();
  expect(await axe(page)).toEqual([]);
  await page.emulateMedia({ colorScheme: 'dark', reducedMotion: 'reduce' });
  expect(await axe(page, ['color-contrast'])).toEqual([]);
  await page.getByRole('button', { name: '无需处理…' }).click();
  await expect(page.getByRole('dialog', { name: '为什么无需处理？' })).toBeVisible();
});
