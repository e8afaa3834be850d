/** What a camera sees: a printed code, drawn as a film of one picture that the browser shows as its camera. */

import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';

// Its module form has extensionless imports that node does not follow.
const { BarcodeFormat, QRCodeWriter } = createRequire(import.meta.url)('@zxing/library') as typeof import('@zxing/library');

const WIDTH = 640;
const HEIGHT = 480;

/** Widths of bars and gaps of Code 128 by value, ISO/IEC 15417; 103 is start A, 104 start B, 106 stop. */
const CODE_128 = '212222 222122 222221 121223 121322 131222 122213 122312 132212 221213 221312 231212 112232 122132 122231 113222 123122 123221 223211 221132 221231 213212 223112 312131 311222 321122 321221 312212 322112 322211 212123 212321 232121 111323 131123 131321 112313 132113 132311 211313 231113 231311 112133 112331 132131 113123 113321 133121 313121 211331 231131 213113 213311 213131 311123 311321 331121 312113 312311 332111 314111 221411 431111 111224 111422 121124 121421 141122 141221 112214 112412 122114 122411 142112 142211 241211 221114 413111 241112 134111 111242 121142 121241 114212 124112 124211 411212 421112 421211 212141 214121 412121 111143 111341 131141 114113 114311 411113 411311 113141 114131 311141 411131 211412 211214 211232 2331112'.split(' ');
const START_B = 104;
const STOP = 106;

type Dark = (x: number, y: number) => boolean;

function film(path: string, dark: Dark): void {
  const luma = Buffer.alloc(WIDTH * HEIGHT, 235);
  for (let y = 0; y < HEIGHT; y += 1) for (let x = 0; x < WIDTH; x += 1) if (dark(x, y)) luma[y * WIDTH + x] = 16;
  const colour = Buffer.alloc((WIDTH * HEIGHT) / 2, 128);
  writeFileSync(path, Buffer.concat([Buffer.from(`YUV4MPEG2 W${WIDTH} H${HEIGHT} F10:1 Ip A1:1 C420jpeg\nFRAME\n`, 'latin1'), luma, colour]));
}

/** A QR code in the middle of the picture. */
export function qrFilm(path: string, text: string): void {
  const side = 320;
  const code = new QRCodeWriter().encode(text, BarcodeFormat.QR_CODE, side, side, new Map());
  const [left, top] = [(WIDTH - side) / 2, (HEIGHT - side) / 2];
  film(path, (x, y) => x >= left && x < left + side && y >= top && y < top + side && code.get(x - left, y - top));
}

/** A Code 128 bar code across the picture. */
export function barFilm(path: string, text: string): void {
  const values = [...text].map((letter) => letter.charCodeAt(0) - 32);
  const check = values.reduce((sum, value, at) => sum + value * (at + 1), START_B) % 103;
  const widths = [START_B, ...values, check, STOP].flatMap((value) => [...(CODE_128[value] ?? '')].map(Number));
  const modules = widths.flatMap((width, at) => Array<boolean>(width).fill(at % 2 === 0));
  const wide = Math.floor((WIDTH - 80) / modules.length);
  const left = Math.floor((WIDTH - modules.length * wide) / 2);
  film(path, (x, y) => y > 140 && y < 340 && x >= left && (modules[Math.floor((x - left) / wide)] ?? false));
}
