/** Commands from the screen to the device and back: switching, its refusals, set-points, raw reads, batches. */

import { expect, PASSWORD, read, test } from './city';
import { Colleague } from './colleague';

interface Found {
  id: number;
  site_id: number;
  circuit_id: number | null;
}

interface Circuit {
  id: number;
  version: number;
  load_kind: string;
}

async function oneOf(page: Parameters<typeof read>[0], model: string): Promise<Found> {
  const { items } = await read<{ items: (Found & { profile_id: string })[] }>(page, '/detectors?limit=500');
  const found = items.find((detector) => detector.profile_id === model && detector.circuit_id !== null);
  if (found === undefined) throw new Error(`the city has no ${model} on a circuit`);
  return found;
}

async function circuitOf(page: Parameters<typeof read>[0], of: Found): Promise<Circuit> {
  const tree = await read<{ panels: { circuits: Circuit[] }[] }>(page, `/sites/${of.site_id}/tree`);
  const found = tree.panels.flatMap((panel) => panel.circuits).find((circuit) => circuit.id === of.circuit_id);
  if (found === undefined) throw new Error(`the site has no circuit ${of.circuit_id ?? 0}`);
  return found;
}

test('a breaker is tripped with reason and password, read back, and closed again', async ({ at }) => {
  const start = await at('/');
  const breaker = await oneOf(start, 'leakage-breaker');
  const page = await at(`/detectors/${breaker.id}?tab=commands`);
  await expect(page.getByText('已连接').first()).toBeVisible({ timeout: 60_000 });
  await page.getByRole('button', { name: '分闸', exact: true }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('button', { name: '分闸' }).click();
  await expect(dialog.getByText('请填写此项')).toHaveCount(2);
  await dialog.locator('textarea').fill('后厨进水');
  await dialog.locator('input[type="password"]').fill('not-the-password');
  await dialog.getByRole('button', { name: '分闸' }).click();
  await expect(dialog.getByText('不正确')).toBeVisible();
  await expect(dialog.locator('textarea')).toHaveValue('后厨进水');
  await dialog.locator('input[type="password"]').fill(PASSWORD);
  await dialog.getByRole('button', { name: '分闸' }).click();
  const first = page.locator('section', { hasText: '命令记录' }).locator('li').first();
  await expect(first).toContainText('回读确认', { timeout: 60_000 });
  await expect(first).toContainText('后厨进水');
  await expect(first).toContainText('装置已应答');

  await page.getByRole('button', { name: '合闸', exact: true }).click();
  await dialog.locator('textarea').fill('已擦干');
  await dialog.locator('input[type="password"]').fill(PASSWORD);
  await dialog.getByRole('button', { name: '合闸' }).click();
  await expect(first).toContainText('合闸');
  await expect(first).toContainText('回读确认', { timeout: 60_000 });
});

test('a circuit that must never be cut is refused on the screen and by the server', async ({ at }) => {
  const start = await at('/');
  const breaker = await oneOf(start, 'leakage-breaker');
  const session = await read<{ csrf_token: string }>(start, '/session');
  const headers = { 'x-csrf-token': session.csrf_token };
  const circuit = await circuitOf(start, breaker);
  const locked = await start.request.patch(`/api/v1/circuits/${circuit.id}`, { headers, data: { version: circuit.version, load_kind: 'fire_pump' } });
  expect(locked.status(), await locked.text()).toBe(200);

  const page = await at(`/detectors/${breaker.id}?tab=commands`);
  await expect(page.getByText('该回路的负荷任何情况下都不得远程切断')).toBeVisible();
  await expect(page.getByRole('button', { name: '分闸', exact: true })).toBeDisabled();
  await expect(page.getByText('已闭锁：消防水泵').first()).toBeVisible();
  const forced = await page.request.post('/api/v1/commands', { headers, data: { detector_id: breaker.id, kind: 'trip', reason: 'x', password: PASSWORD } });
  expect(forced.status()).toBe(409);
  expect(((await forced.json()) as { code: string }).code).toBe('interlocked');

  const again = await circuitOf(page, breaker);
  const unlocked = await page.request.patch(`/api/v1/circuits/${circuit.id}`, { headers, data: { version: again.version, load_kind: circuit.load_kind } });
  expect(unlocked.status(), await unlocked.text()).toBe(200);
});

test('a set-point is tried on the past before it goes out', async ({ at }) => {
  const start = await at('/');
  const relay = await oneOf(start, 'aim-r100');
  const page = await at(`/detectors/${relay.id}?tab=commands`);
  await page.getByRole('button', { name: '第1路报警值', exact: true }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('数值').fill('5000');
  await dialog.getByRole('button', { name: '下发' }).click();
  await expect(dialog.getByText('应在 6 到 1000 之间')).toBeVisible();
  await dialog.getByLabel('数值').fill('280');
  await dialog.getByRole('button', { name: '用过去 30 天数据试算' }).click();
  await expect(dialog.getByRole('row', { name: /报警次数/ })).toBeVisible();
  await dialog.getByRole('button', { name: '下发' }).click();
  const first = page.locator('section', { hasText: '命令记录' }).locator('li').first();
  await expect(first).toContainText('280');
  await expect(first).toContainText(/回读确认|装置已应答/, { timeout: 60_000 });
});

test('registers are read as they are, and a batch shows what became of each', async ({ at }) => {
  const start = await at('/');
  const relay = await oneOf(start, 'asj-relay');
  const page = await at(`/detectors/${relay.id}?tab=commands`);
  await page.getByRole('button', { name: '读寄存器', exact: true }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('起始寄存器').fill('0x0000');
  await dialog.getByRole('button', { name: '下发' }).click();
  const first = page.locator('section', { hasText: '命令记录' }).locator('li').first();
  await expect(first.getByText(/^[0-9A-F]{4}$/)).toBeVisible({ timeout: 60_000 });

  await page.goto('/commands');
  await page.getByRole('button', { name: '新建批量' }).click();
  await dialog.getByLabel('命令').selectOption('reset');
  await dialog.getByRole('button', { name: '开始' }).click();
  await expect(dialog.getByText('请填写此项')).toBeVisible();
  await dialog.getByLabel('型号').selectOption('arcm300-modbus');
  await dialog.getByRole('button', { name: '开始' }).click();
  await expect(page.getByRole('progressbar')).toBeVisible();
  await expect(page.locator('li', { hasText: '复位' }).first()).toContainText(/装置已应答|回读确认|已下发|排队中|失败/);
});

test('where a site says so, a second person agrees with a password of their own', async ({ at, browser }, info) => {
  const page = await at('/');
  const breaker = await oneOf(page, 'leakage-breaker');
  const second = await Colleague.join(page, browser, info, `second-${info.project.name}`, '复核人');
  const session = await read<{ csrf_token: string }>(page, '/session');
  const headers = { 'x-csrf-token': session.csrf_token };
  const rule = async (on: boolean): Promise<void> => {
    const { version } = await read<{ version: number }>(page, `/sites/${breaker.site_id}`);
    const ruled = await page.request.patch(`/api/v1/sites/${breaker.site_id}`, { headers, data: { version, two_person_switching: on } });
    expect(ruled.status(), await ruled.text()).toBe(200);
  };
  await rule(true);
  const dialog = page.getByRole('dialog');
  await page.goto(`/detectors/${breaker.id}?tab=commands`);
  await page.getByRole('button', { name: '合闸', exact: true }).click();
  await expect(dialog.getByText('须第二人确认后才下发')).toBeVisible();
  await dialog.locator('textarea').fill('检修完毕');
  await dialog.locator('input[type="password"]').fill(PASSWORD);
  await dialog.getByRole('button', { name: '合闸' }).click();
  const first = page.locator('section', { hasText: '命令记录' }).locator('li').first();
  await expect(first).toContainText('待第二人确认');

  await second.page.goto('/commands?state=awaiting_approval');
  await second.page.getByRole('button', { name: '确认并下发' }).click();
  await second.page.getByRole('dialog').locator('input[type="password"]').fill(PASSWORD);
  await second.page.getByRole('dialog').getByRole('button', { name: '确认并下发' }).click();
  await expect(first).toContainText('回读确认', { timeout: 60_000 });
  await expect(first).toContainText('复核人');
  await second.leave();
  await rule(false);
});
