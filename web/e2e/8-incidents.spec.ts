/** One leak that two detectors see is one incident: made here from relays of the test's own, taken apart and put together. */

import type { Page } from '@playwright/test';
import { axe, expect, read, settled, test, type City } from './city';
import { Dtu } from './dtu';

interface Incident {
  id: number;
  kind: string;
  site_name: string | null;
  member_count: number;
  members: { id: number; circuit_name: string | null }[];
}

async function post<T>(page: Page, path: string, data: object): Promise<T> {
  const { csrf_token: token } = await read<{ csrf_token: string }>(page, '/session');
  const said = await page.request.post(`/api/v1${path}`, { headers: { 'x-csrf-token': token }, data });
  expect(said.ok(), `${path}: ${await said.text()}`).toBe(true);
  return (await said.json()) as T;
}

/** A panel with its incoming line and two circuits, a relay at each; all of them measure what no circuit should leak. */
async function leakingPanel(page: Page, city: City, name: string): Promise<Dtu[]> {
  const { items } = await read<{ items: { organisation_id: number; area_code: string }[] }>(page, '/sites?limit=1');
  const { organisation_id, area_code } = items[0] ?? { organisation_id: 1, area_code: '430203' };
  const site = await post<{ id: number }>(page, '/sites', { name, area_code, organisation_id, contact_name: '王经理', contact_phone: '073128888888' });
  const panel = await post<{ id: number }>(page, `/sites/${site.id}/panels`, { name: '一层总箱' });
  const relays: Dtu[] = [];
  for (const [at, circuit_name, load_kind] of [[0, '总进线', 'incoming'], [1, '后厨', 'kitchen'], [2, '照明', 'lighting']] as const) {
    const circuit = await post<{ id: number }>(page, `/panels/${panel.id}/circuits`, { name: circuit_name, rated_current_a: 63, phases: 3, load_kind });
    const serial = `${name}-${at}`;
    await post(page, '/terminals', { serial, protocol: 'modbus_rtu', detectors: [{ profile_id: 'asj-relay', unit_address: 1, name: circuit_name, circuit_id: circuit.id }] });
    const relay = new Dtu(city.server.fieldPort, serial);
    relay.registers.set(0x0000, 620);
    relays.push(relay);
  }
  return relays;
}

test('a leak that the incoming line sees too is one incident, taken apart and put together again', async ({ at, city }, info) => {
  const name = `E2E-LEAK-${info.project.name}`;
  const page = await at('/alarms?tab=incidents');
  const relays = await leakingPanel(page, city, name);
  const ours = async (): Promise<Incident | undefined> => (await read<{ items: Incident[] }>(page, '/incidents')).items.find((one) => one.site_name === name);
  try {
    await expect.poll(async () => (await ours())?.member_count, { timeout: 60_000 }).toBe(3);
    const card = page.getByRole('listitem').filter({ hasText: name }).filter({ has: page.getByRole('heading', { level: 2 }) });
    await expect(card).toBeVisible();
    await expect(card.getByRole('heading', { level: 2 })).toHaveText('同一处漏电，进线也测到');
    await expect(card).toContainText('同一配电箱在');
    expect(await axe(page)).toEqual([]);

    // Taken out, it stands alone, and its page offers to put it back.
    await card.getByRole('button', { name: /移出: .*照明/ }).click();
    await expect(card.getByRole('listitem')).toHaveCount(2);
    const left = await ours();
    const alone = (await read<{ items: { id: number; circuit_name: string }[] }>(page, `/alarms?state=open&q=${encodeURIComponent(name)}`)).items.find((alarm) => alarm.circuit_name === '照明');
    expect(left?.member_count).toBe(2);
    await page.goto(`/alarms/${alone?.id}`);
    await settled(page);
    const note = page.getByRole('region', { name: '事件' });
    await note.getByRole('button', { name: '并入事件' }).click();
    await note.locator('.n-base-selection').click();
    await page.locator('.n-base-select-option').filter({ hasText: name }).click();
    await expect(note.getByRole('link', { name: /同一处漏电/ })).toBeVisible();
    expect(await axe(page)).toEqual([]);
    expect((await ours())?.member_count).toBe(3);
    // And the way back from the alarm itself.
    await note.getByRole('button', { name: '移出' }).click();
    await expect(note.getByRole('button', { name: '并入事件' })).toBeVisible();
  } finally {
    for (const relay of relays) relay.registers.set(0x0000, 30);
    for (const relay of relays) relay.stop();
  }
});
