// How long the start page blocks a phone, by processor time: node dev/blocked.mjs URL LOGIN PASSWORD
// Lighthouse goes by the clock, and on a machine that does other work counts the time in which the page waited for a core.
// Here each task of the renderer's main thread counts with its processor time, times four as Lighthouse slows its phone down.
import { readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

const [url = 'http://127.0.0.1:8080', login = 'admin', password = ''] = process.argv.slice(2);
const SLOWER = 4;
const LONG_MS = 50;
const STARTS = 5;
const file = join(tmpdir(), `emberwatch-trace-${process.pid}.json`);
const sums = [];
for (let start = 0; start < STARTS; start += 1) {
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--headless=new', '--no-sandbox', '--disable-gpu'] });
  const context = await browser.newContext({ viewport: { width: 412, height: 823 }, deviceScaleFactor: 1.75, isMobile: true, hasTouch: true, locale: 'zh-CN' });
  const said = await context.request.post(`${url}/api/v1/session`, { data: { login, password } });
  if (!said.ok()) throw new Error(`wanted to sign in, had ${said.status()}`);
  const page = await context.newPage();
  await browser.startTracing(page, { path: file, categories: ['devtools.timeline', 'toplevel', 'loading'] });
  await page.goto(url);
  await page.waitForTimeout(3500);
  await browser.stopTracing();
  await browser.close();
  const events = JSON.parse(readFileSync(file, 'utf8')).traceEvents;
  const { pid } = events.find((event) => event.name === 'firstContentfulPaint');
  const { tid } = events.find((event) => event.name === 'thread_name' && event.pid === pid && event.args.name === 'CrRendererMain');
  const tasks = events.filter((event) => event.pid === pid && event.tid === tid && event.ph === 'X' && event.name === 'ThreadControllerImpl::RunTask');
  const long = tasks.map((task) => ((task.tdur ?? 0) / 1000) * SLOWER).filter((ms) => ms > LONG_MS);
  sums.push(long.reduce((sum, ms) => sum + ms - LONG_MS, 0));
  console.log(`${sums.at(-1).toFixed(0)} ms blocked, tasks of ${long.map((ms) => ms.toFixed(0)).join(', ')} ms`);
}
rmSync(file, { force: true });
console.log(`${sums.sort((a, b) => a - b)[Math.floor(STARTS / 2)].toFixed(0)} ms in the middle`);
