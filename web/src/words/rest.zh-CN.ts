/** What all other pages say; comes with the first of them. */

import { gathered, type Words } from './words';

export default gathered(import.meta.glob<Words>(['./zh-CN/*.ts', '!./zh-CN/common.ts', '!./zh-CN/shell.ts', '!./zh-CN/overview.ts', '!./zh-CN/vocabulary.ts', '!./zh-CN/problems.ts'], { eager: true, import: 'default' }));
