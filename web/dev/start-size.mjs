/**
 * Holds the start page to what a phone on a slow line can afford: everything that has to be there before it can show
 * anything, compressed. Whoever needs more moves something to where it is first used, or argues for a larger budget here.
 */

import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';

/** Bytes over the line, gzip. */
const BUDGET = 105_000;
/** Files; each costs a slow line a way there and back. */
const FILES = 4;

const dist = new URL('../dist/', import.meta.url);
const page = readFileSync(new URL('index.html', dist), 'utf8');
const named = [...page.matchAll(/(?:src|href)="\/(assets\/[^"]+\.(?:js|css))"/g)].map((match) => match[1]);
const sizes = ['index.html', ...named].map((name) => [name, gzipSync(readFileSync(new URL(name, dist))).length]);
const total = sizes.reduce((sum, [, bytes]) => sum + bytes, 0);

for (const [name, bytes] of sizes) console.log(`${String(bytes).padStart(8)}  ${name}`);
console.log(`${String(total).padStart(8)}  start page, of ${BUDGET}`);
if (named.length === 0) throw new Error('the built page names no files: the check no longer sees what it should');
if (total > BUDGET) throw new Error(`the start page weighs ${total} bytes, wanted at most ${BUDGET}`);
if (sizes.length > FILES) throw new Error(`the start page needs ${sizes.length} files, wanted at most ${FILES}`);
