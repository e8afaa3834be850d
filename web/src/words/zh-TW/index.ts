/** Gathers the message files beside this one; a file's name is the first part of its keys. */

import type { Words } from '../words';

const files = import.meta.glob<Words>(['./*.ts', '!./index.ts'], { eager: true, import: 'default' });

const words: Record<string, Words> = {};
for (const [path, file] of Object.entries(files)) words[path.replace(/^\.\/(.*)\.ts$/, '$1')] = file;

export default words;
