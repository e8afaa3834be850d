/** Compresses what a build has made, once and as far as it goes; the server sends `name.br` where a browser takes it. */

import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { brotliCompressSync, constants } from 'node:zlib';

const dist = new URL('../dist/', import.meta.url);
/** Below this the answer's head weighs more than what is saved, bytes. */
const WORTH = 1000;

for (const name of readdirSync(dist, { recursive: true })) {
  if (!/\.(js|css|svg|html|webmanifest)$/.test(name)) continue;
  const plain = readFileSync(new URL(name, dist));
  if (plain.length < WORTH) continue;
  const packed = brotliCompressSync(plain, { params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: plain.length } });
  writeFileSync(new URL(`${name}.br`, dist), packed);
}
