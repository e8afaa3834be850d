/** The electrician at the panel with a phone, and the safety manager who brings in a whole market from a spreadsheet. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { barFilm, qrFilm } from './camera';
import { axe, expect, read, test } from './city';
import { Dtu } from './dtu';
import { workbook } from './workbook';

interface List<T> {
  items: T[];
}

/** A picture of one dot. */
const DOT = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64');

test.describe('on a phone', () => {
  test.use({ viewport: { width: 390, height: 844 }, hasTouch: true });

  test('a device goes from its number to a record', async ({ at, city }, info) => {
    const serial = `E2E-COMM-${info.project.name}`;
    const page = await at('/commissioning');
    expect(await axe(page)).toEqual([]);

    // The number comes before the device does: the page waits, and goes on by itself.
    await page.locator('[name="serial"]').fill(`SN:${serial};MODEL:ASJ10`);
    await page.getByRole('button', { name: '查找' }).click();
    await expect(page.getByText('设备还没有连上来')).toBeVisible();
    const relay = new Dtu(city.server.fieldPort, serial);
    relay.registers.set(0x0000, 42);
    try {
      await page.locator('.choice').first().click();
      await page.locator('[name="circuit"]').selectOption('new');
      await page.locator('[name="circuit_name"]').fill(`调试回路 ${info.project.name}`);
      await page.locator('[name="rated_current_a"]').fill('32');
      await expect(page.locator('[name="name"]')).toHaveValue(`调试回路 ${info.project.name}`);
      await page.locator('[name="profile_id"]').selectOption('asj-relay');
      await page.locator('[name="unit_address"]').fill('1');
      if ((await page.locator('[name="panel_name"]').count()) > 0) await page.locator('[name="panel_name"]').fill('调试箱');
      await page.getByRole('button', { name: '接入', exact: true }).click();

      await expect(page.getByRole('heading', { name: '首批数值' })).toBeVisible();
      await expect(page.locator('.verdict.good').first()).toBeVisible({ timeout: 60_000 });
      await page.locator('input[type="file"]').first().setInputFiles({ name: 'panel.png', mimeType: 'image/png', buffer: DOT });
      await expect(page.locator('.picture img')).toHaveCount(1);
      expect(await axe(page)).toEqual([]);
      await page.getByRole('button', { name: '一切正常，完成' }).click();
      await expect(page.getByRole('heading', { name: '调试合格' })).toBeVisible();

      await page.getByRole('link', { name: '查看调试记录' }).click();
      await expect(page.getByRole('cell', { name: '42 mA' })).toBeVisible();
      await expect(page.locator('.pictures img')).toHaveCount(1);
      const found = (await read<List<{ id: number }>>(page, `/detectors?q=${serial}`)).items[0];
      const records = await read<List<{ result: string; picture_ids: number[] }>>(page, `/detectors/${found?.id}/commissioning`);
      expect(records.items[0]).toMatchObject({ result: 'passed' });
      expect(records.items[0]?.picture_ids).toHaveLength(1);

      // The look at the wiring can be asked for at once, and says that a minute is not a day.
      await page.goto(`/detectors/${found?.id}?tab=commissioning`);
      await page.getByRole('button', { name: '用最近一天的数据检查' }).click();
      await expect(page.getByText('数据还不够').or(page.getByText('缺少所需的测点')).first()).toBeVisible();
    } finally {
      relay.stop();
    }
  });
});

test.describe('with a camera', () => {
  const phone = { viewport: { width: 390, height: 844 }, hasTouch: true, locale: 'zh-CN' };

  test('reads a QR code and a bar code, and says why it does not', async ({ signedIn, city, playwright, launchOptions }, info) => {
    const folder = mkdtempSync(join(tmpdir(), 'emberwatch-camera-'));
    const state = await signedIn.context().storageState();
    const looks = async (args: readonly string[], then: (page: typeof signedIn) => Promise<void>): Promise<void> => {
      const browser = await playwright.chromium.launch({ ...launchOptions, args: [...(launchOptions.args ?? []), ...args] });
      try {
        const page = await (await browser.newContext({ ...phone, baseURL: city.server.url, storageState: state })).newPage();
        await page.goto('/commissioning');
        await page.getByRole('button', { name: '扫描标签' }).click();
        await then(page);
      } finally {
        await browser.close();
      }
    };
    const camera = (film: string): string[] => ['--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream', `--use-file-for-fake-video-capture=${film}`];
    try {
      const [square, bars] = [join(folder, 'qr.y4m'), join(folder, 'bars.y4m')];
      qrFilm(square, `https://example.com/d?sn=SCAN-QR-${info.project.name}&model=ASJ10`);
      barFilm(bars, `SCAN-BAR-${info.project.name}`);
      await looks(camera(square), async (page) => {
        await expect(page.getByText(`SCAN-QR-${info.project.name}`)).toBeVisible();
        await expect(page.getByText('设备还没有连上来')).toBeVisible();
      });
      await looks(camera(bars), async (page) => {
        await expect(page.getByText(`SCAN-BAR-${info.project.name}`)).toBeVisible();
      });
      // A camera that is there and not allowed; then none at all. The number can be typed all the same.
      await looks(['--use-fake-device-for-media-stream', '--deny-permission-prompts'], async (page) => {
        await expect(page.getByText('摄像头未获允许')).toBeVisible();
        await page.locator('[name="serial"]').fill('TYPED-0001');
        await page.getByRole('button', { name: '查找' }).click();
        await expect(page.getByText('设备还没有连上来')).toBeVisible();
      });
      await looks(['--use-fake-ui-for-media-stream'], async (page) => {
        await expect(page.getByText('没有找到摄像头')).toBeVisible();
      });
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

test.describe('on a PC', () => {
  test.use({ viewport: { width: 1440, height: 900 } });

  test('a workbook comes in, with every mistake by its cell', async ({ at }, info) => {
    const name = `导入的市场 ${info.project.name}`;
    const page = await at('/sites');
    await page.getByRole('button', { name: 'Excel 导入导出' }).click();
    const organisation = (await read<{ name: string }[]>(page, '/organisations'))[0]?.name ?? '';
    const file = (rated: string): Buffer =>
      workbook({
        场所: [['名称', '区划', '单位', '场所类型'], [name, '430203 芦淞区', organisation, '集贸市场']],
        配电箱: [['场所', '名称'], [name, '总箱']],
        回路: [['场所', '配电箱', '名称', '额定电流（A）'], [name, '总箱', '照明', rated]],
        探测器: [['序列号', '协议', '型号', '名称', '场所', '配电箱', '回路'], [`E2E-XLS-${info.project.name}`, '7B7B 云协议', 'arcm300-cloud', '照明探测器', name, '总箱', '照明']],
      });
    const chooser = page.getByRole('dialog').locator('input[type="file"]');
    await chooser.setInputFiles({ name: 'market.xlsx', mimeType: 'application/octet-stream', buffer: file('abc') });
    await expect(page.getByText('回路!D2')).toBeVisible();
    await expect(page.getByText('额定电流（A）填了“abc”：应为数字')).toBeVisible();
    // The detector hangs on the circuit that is wrong, and says so.
    await expect(page.getByText('探测器!G2')).toBeVisible();
    expect(await axe(page)).toEqual([]);
    const list = page.waitForEvent('download');
    await page.getByRole('button', { name: '下载错误清单' }).click();
    expect((await list).suggestedFilename()).toContain('.xlsx');

    await chooser.setInputFiles({ name: 'market.xlsx', mimeType: 'application/octet-stream', buffer: file('16') });
    await expect(page.getByText('没有错误，可以导入')).toBeVisible();
    await page.getByRole('button', { name: '写入 4 条' }).click();
    await expect(page.getByText('已导入')).toBeVisible();
    const site = (await read<List<{ name: string }>>(page, `/sites?q=${encodeURIComponent(name)}`)).items[0];
    expect(site?.name).toBe(name);
    // The same again has nothing to write.
    await chooser.setInputFiles({ name: 'market.xlsx', mimeType: 'application/octet-stream', buffer: file('16') });
    await expect(page.getByText('没有需要写入的内容')).toBeVisible();
  });
});
