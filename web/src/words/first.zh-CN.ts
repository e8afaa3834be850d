/** What the frame and the start page say; comes with the application itself. */

import { gathered, type Words } from './words';

export default gathered(import.meta.glob<Words>(['./zh-CN/common.ts', './zh-CN/shell.ts', './zh-CN/overview.ts', './zh-CN/vocabulary.ts', './zh-CN/problems.ts'], { eager: true, import: 'default' }));
