/** Every page, with data, in light and dark: nothing that axe-core finds serious. */

import type { Page } from '@playwright/test';
import { axe, expect, read, settled, test } from './city';

async function ids(page: Page): Promise<{ site: number; detector: number; alarm: number | undefined; organisation: number; profile: string }> {
  const first = async (path: string): Promise<number | undefined> => (await read<{ items: { id: number }[] }>(page, path)).items[0]?.id;
  const profiles = await read<{ id: string }[] | { items: { id: string }[] }>(page, '/profiles');
  const organisations = await read<{ id: number }[] | { items: { id: number }[] }>(page, '/organisations');
  return {
    site: (await first('/sites?limit=1')) ?? 0,
    detector: (await first('/detectors?limit=1')) ?? 0,
    alarm: await first('/alarms?limit=1'),
    organisation: (Array.isArray(organisations) ? organisations : organisations.items)[0]?.id ?? 0,
    profile: (Array.isArray(profiles) ? profiles : profiles.items)[0]?.id ?? '',
  };
}

async function bothLooks(page: Page, name: string): Promise<string[]> {
  const found: string[] = [];
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    await expect(page.locator('html')).toHaveAttribute('data-theme', colorScheme);
    // Colours are looked at once they are painted: two frames after the change.
    await page.evaluate(() => new Promise((painted) => requestAnimationFrame(() => requestAnimationFrame(painted))));
    // The elements are the same in both; only their colours change.
    for (const finding of await axe(page, colorScheme === 'light' ? undefined : ['color-contrast'])) found.push(`${name} (${colorScheme}) ${finding.rule}: ${finding.where.join(' | ')}`);
  }
  await page.emulateMedia({ colorScheme: 'light', reducedMotion: 'reduce' });
  return found;
}

test('no page has serious findings in light or dark', async ({ at }) => {
  // Some thirty pages; a machine that builds at the same time needs its while.
  test.setTimeout(600_000);
  const known = await ids(await at('/'));
  const paths = [
    '/',
    '/?show=list',
    '/alarms',
    '/alarms?tab=history',
    '/alarms?tab=incidents',
    '/alarms?tab=aside',
    '/alarm-metrics',
    '/handovers',
    '/maintenance',
    ...(known.alarm === undefined ? [] : [`/alarms/${known.alarm}`]),
    '/sites',
    '/sites?q=nothing-like-this',
    `/sites/${known.site}`,
    `/detectors/${known.detector}/walk`,
    '/detectors',
    ...['now', 'alarms', 'telegrams', 'settings', 'about'].map((tab) => `/detectors/${known.detector}?tab=${tab}`),
    '/detectors/999999',
    '/pending',
    '/pending?refused=1',
    '/profiles',
    `/profiles/${known.profile}`,
    '/settings',
    `/settings?scope=organisation&id=${known.organisation}`,
    ...['media', 'routes', 'ladders', 'duty'].map((tab) => `/telling?tab=${tab}`),
    '/people',
    '/people?tab=organisations',
    '/people?tab=tokens',
    '/system',
    '/audit',
    '/me',
    '/no/such/page',
  ];
  const found: string[] = [];
  for (const path of paths) {
    const page = await at(path);
    found.push(...(await bothLooks(page, path)));
    const wider = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    if (wider > 0) found.push(`${path}: ${wider} px wider than the window`);
  }
  expect(found).toEqual([]);
});

test('no window over a page has serious findings', async ({ at }) => {
  const found: string[] = [];
  const known = await ids(await at('/'));
  const windows: [string, string | RegExp][] = [
    ['/sites', '新建站点'],
    [`/detectors/${known.detector}?tab=settings`, /^编辑: /],
    ['/people', '新建账号'],
    ['/people?tab=tokens', '新建令牌'],
  ];
  for (const [path, name] of windows) {
    const page = await at(path);
    await page.getByRole('button', { name }).first().click();
    await expect(page.getByRole('dialog')).toBeVisible();
    await settled(page);
    found.push(...(await bothLooks(page, `${path} ${String(name)}`)));
  }
  expect(found).toEqual([]);
});
