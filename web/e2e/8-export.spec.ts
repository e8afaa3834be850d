/** Readings as files: from the curves of a detector and from a site, saved by the browser and opened. */

import { readFileSync } from 'node:fs';
import { axe, expect, read, settled, test } from './city';

interface Some {
  items: { id: number; name: string; site_id: number }[];
}
interface One {
  channels: { name: string; unit: string; value: number | null }[];
}

test('readings of a detector are saved as CSV, and those of its site as a workbook', async ({ at }) => {
  const page = await at('/');
  const detector = (await read<Some>(page, '/detectors?sort=-last_heard_at&limit=1')).items[0];
  expect(detector).toBeDefined();
  const { id, site_id: site } = detector ?? { id: 0, site_id: 0 };
  await page.goto(`/detectors/${id}`);
  await settled(page);
  const open = page.getByRole('button', { name: '导出', exact: true });
  await open.click();
  const dialog = page.getByRole('dialog', { name: /导出读数/ });
  await expect(dialog).toBeVisible();
  expect(await axe(page)).toEqual([]);
  await dialog.getByRole('button', { name: '今天' }).click();
  const saved = page.waitForEvent('download');
  await dialog.getByRole('button', { name: '导出', exact: true }).click();
  const file = await saved;
  expect(file.suggestedFilename()).toMatch(new RegExp(`^detector-${id}-\\d{8}-\\d{8}\\.csv$`));
  const text = readFileSync(await file.path(), 'utf8');
  const lines = text.replace('\uFEFF', '').trim().split('\r\n');
  expect(text.startsWith('\uFEFF时间 (Asia/Shanghai),场所,回路,探测器,探测器编号,')).toBe(true);
  const measured = (await read<One>(page, `/detectors/${id}`)).channels.find((channel) => channel.value !== null && channel.unit !== '');
  expect(lines[0]).toContain(`${measured?.name ?? '?'} (${measured?.unit ?? '?'})`);
  expect(lines.length).toBeGreaterThan(1);
  expect(lines[1]).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+08:00,/);
  await expect(dialog.getByText(/\.csv：/)).toBeVisible();

  // The days the wrong way round are refused before anything is asked.
  await dialog.getByLabel('从').fill('2026-03-02');
  await dialog.getByLabel('到', { exact: true }).fill('2026-03-01');
  await expect(dialog.getByRole('alert')).toContainText('结束日期');
  await expect(dialog.getByRole('button', { name: '导出', exact: true })).toBeDisabled();
  await page.keyboard.press('Escape');

  await page.goto(`/sites/${site}`);
  await settled(page);
  await open.click();
  await dialog.getByRole('button', { name: '今天' }).click();
  await dialog.getByRole('button', { name: 'Excel' }).click();
  const book = page.waitForEvent('download');
  await dialog.getByRole('button', { name: '导出', exact: true }).click();
  const workbook = await book;
  expect(workbook.suggestedFilename()).toMatch(/\.xlsx$/);
  // A zip whose directory is at its end: the file is whole.
  const bytes = readFileSync(await workbook.path());
  expect(bytes.subarray(0, 2).toString()).toBe('PK');
  expect(bytes.lastIndexOf(Buffer.from('PK\x05\x06', 'latin1'))).toBeGreaterThan(0);
  await expect(dialog.getByText(/\.xlsx：/)).toBeVisible();
});
