/** What all other pages say; comes with the first of them. */

import { gathered, type Words } from './words';

export default gathered(import.meta.glob<Words>(['./zh-TW/*.ts', '!./zh-TW/common.ts', '!./zh-TW/shell.ts', '!./zh-TW/overview.ts', '!./zh-TW/vocabulary.ts', '!./zh-TW/problems.ts'], { eager: true, import: 'default' }));
