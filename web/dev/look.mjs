// Looks at pages with Debian's Chromium: node dev/look.mjs <out folder> [path ...]; env URL, SHAPES, MODES, LANGS, LOGIN, PASSWORD, AXE=1.
// Prints console errors, horizontal overflow and (AXE=1) what axe-core finds serious.
import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { chromium } from 'playwright-core';

const [out = '/tmp/look', ...paths] = process.argv.slice(2);
const env = process.env;
const base = env.URL ?? 'http://127.0.0.1:5173';
const shapes = { pc: [1440, 900], tablet: [900, 1100], phone: [390, 844], long: [390, 2600] };
const axe = env.AXE === '1' ? readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8') : null;
mkdirSync(out, { recursive: true });
const browser = await chromium.launch({ executablePath: env.CHROMIUM ?? '/usr/bin/chromium', args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'] });
for (const shape of (env.SHAPES ?? 'pc,phone').split(',')) {
  for (const mode of (env.MODES ?? 'light').split(',')) {
    for (const lang of (env.LANGS ?? 'zh-CN').split(',')) {
      const [width, height] = shapes[shape];
      const context = await browser.newContext({ viewport: { width, height }, colorScheme: mode, timezoneId: env.TZ_READER ?? 'Asia/Shanghai' });
      await context.addInitScript((code) => localStorage.setItem('emberwatch.language', code), lang);
      const page = await context.newPage();
      page.on('console', (m) => m.type() === 'error' && console.log(`[console ${shape}] ${m.text()}`));
      page.on('pageerror', (e) => console.log(`[page error ${shape}] ${e.message}`));
      if (env.LOGIN !== '') {
        await page.request.post(`${base}/api/v1/session`, { data: { login: env.LOGIN ?? 'admin', password: env.PASSWORD ?? 'demo-password' } });
      }
      for (const path of paths.length > 0 ? paths : ['/']) {
        await page.goto(base + path);
        await page.waitForTimeout(Number(env.WAIT ?? 1500));
        const name = `${path.replace(/\W+/g, '_') || '_'}-${shape}-${mode}-${lang}`;
        await page.screenshot({ path: `${out}/${name}.png` });
        const wide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
        if (wide > 0) console.log(`[overflow ${name}] ${wide} px`);
        if (axe !== null) {
          await page.evaluate(axe);
          const found = await page.evaluate(async () => (await window.axe.run()).violations.filter((v) => ['serious', 'critical'].includes(v.impact)).map((v) => `${v.id}: ${v.nodes.slice(0, 4).map((n) => n.target.join(' ') + ' ' + (n.any[0]?.message ?? '')).join(' | ')}`));
          for (const line of found) console.log(`[axe ${name}] ${line}`);
        }
      }
      await context.close();
    }
  }
}
await browser.close();
