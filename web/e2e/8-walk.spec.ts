/** The electrician at the panel looks for the circuit that leaks: breakers off one by one, on a phone. */

import { axe, expect, read, settled, test } from './city';
import { Dtu } from './dtu';

interface List<T> {
  items: T[];
}
interface Tree {
  panels: { circuits: { id: number }[] }[];
}

test.use({ viewport: { width: 390, height: 844 }, hasTouch: true });
test.setTimeout(400_000);

test('breakers are switched off one by one, the largest share is named and kept', async ({ at, city }, info) => {
  const serial = `E2E-WALK-${info.project.name}`;
  const relay = new Dtu(city.server.fieldPort, serial);
  relay.registers.set(0x0000, 310);
  try {
    const start = await at('/');
    const waiting = async (): Promise<number | undefined> => (await read<List<{ id: number; serial: string }>>(start, `/pending?q=${serial}`)).items[0]?.id;
    await expect.poll(waiting, { timeout: 60_000 }).toBeGreaterThan(0);
    const site = (await read<List<{ id: number }>>(start, '/sites?limit=1')).items[0]?.id ?? 0;
    const circuit = (await read<Tree>(start, `/sites/${site}/tree`)).panels[0]?.circuits[0]?.id;
    const { csrf_token: token } = await read<{ csrf_token: string }>(start, '/session');
    const admitted = await start.request.post(`/api/v1/pending/${await waiting()}/admit`, { headers: { 'x-csrf-token': token }, data: { detectors: [{ profile_id: 'asj-relay', name: '总开关继电器', circuit_id: circuit, unit_address: 1 }] } });
    expect(admitted.ok(), await admitted.text()).toBe(true);
    const detector = (await read<List<{ id: number }>>(start, `/detectors?q=${serial}`)).items[0]?.id ?? 0;

    const page = await at(`/detectors/${detector}`);
    await page.getByRole('link', { name: '逐路排查' }).click();
    await expect(page.locator('.huge')).toHaveText('310 mA', { timeout: 60_000 });
    expect(await axe(page)).toEqual([]);
    await page.getByRole('button', { name: '开始排查' }).click();
    const off = page.getByRole('button', { name: '已断开', exact: true });
    await expect(off).toBeEnabled({ timeout: 90_000 });
    await off.click();
    await expect(page.getByText('请填写此项')).toBeVisible();
    await page.getByLabel('开关编号或名称').fill('1 号照明');

    // A page that was closed goes on where it was.
    await page.reload();
    await settled(page);
    await expect(page.getByLabel('开关编号或名称')).toHaveValue('1 号照明');
    relay.registers.set(0x0000, 306);
    await off.click();
    await expect(page.getByText(/还差 \d 次读数/)).toBeVisible();
    expect(await axe(page)).toEqual([]);
    const stay = page.getByRole('button', { name: '保持断开，试下一个' });
    await expect(stay).toBeVisible({ timeout: 90_000 });
    await expect(page.getByText('没有明显变化')).toBeVisible();
    await stay.click();

    await page.getByLabel('开关编号或名称').fill('3 号后厨');
    relay.registers.set(0x0000, 26);
    await off.click();
    await expect(page.getByText('下降 280 mA')).toBeVisible({ timeout: 90_000 });
    await page.getByRole('button', { name: '结束并给出结论' }).click();
    await expect(page.getByText('3 号后厨：占 310 mA 中的 280 mA')).toBeVisible();
    await expect(page.getByText('漏电回路：修好前保持断开')).toBeVisible();
    await page.getByRole('checkbox').first().check();
    await expect(page.getByText('已合上')).toBeVisible();
    expect(await axe(page)).toEqual([]);

    await page.getByRole('link', { name: '回到探测器' }).click();
    await expect(page.getByText('3 号后厨：占 310 mA 中的 280 mA')).toBeVisible();
    const kept = await read<List<{ outcome: string; largest: number }>>(page, `/detectors/${detector}/walks`);
    expect(kept.items[0]).toMatchObject({ outcome: 'found', largest: 1 });
  } finally {
    relay.stop();
  }
});
