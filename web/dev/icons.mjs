/** Draws the application's icons from its mark: `node dev/icons.mjs`. The pictures are kept; run it when the mark changes. */
import { chromium } from 'playwright-core';
import { readFileSync } from 'node:fs';

const mark = readFileSync(new URL('../src/app/mark.svg', import.meta.url), 'utf8');
const bolt = /<path[^>]*\/>/.exec(mark)?.[0] ?? '';
const dot = /<circle[^>]*\/>/.exec(mark)?.[0] ?? '';
const square = (inner, scale, ground, size) => `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32" width="${size}" height="${size}">${ground}<g transform="translate(16 16) scale(${scale}) translate(-16 -16)">${inner}</g></svg>`;
const pictures = {
  'icon-192': [192, mark],
  'icon-512': [512, mark],
  // A launcher may cut a circle out of it: the mark stays inside four fifths.
  'maskable-512': [512, square(bolt + dot, 0.72, '<rect width="32" height="32" fill="#22272e"/>', 512)],
  // Only the outline counts in a status bar.
  'badge-96': [96, square(bolt, 1.15, '', 96).replaceAll('#f3f4f6', '#ffffff')],
};

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium' });
for (const [name, [size, svg]] of Object.entries(pictures)) {
  const page = await browser.newPage({ viewport: { width: size, height: size } });
  await page.setContent(`<style>*{margin:0}svg{display:block;width:${size}px;height:${size}px}</style>${svg}`);
  await page.screenshot({ path: new URL(`../public/icons/${name}.png`, import.meta.url).pathname, omitBackground: true });
}
await browser.close();
