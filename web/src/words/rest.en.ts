/** What all other pages say; comes with the first of them. */

import { gathered, type Words } from './words';

export default gathered(import.meta.glob<Words>(['./en/*.ts', '!./en/common.ts', '!./en/shell.ts', '!./en/overview.ts', '!./en/vocabulary.ts', '!./en/problems.ts'], { eager: true, import: 'default' }));
