/** What the frame and the start page say; comes with the application itself. */

import { gathered, type Words } from './words';

export default gathered(import.meta.glob<Words>(['./zh-TW/common.ts', './zh-TW/shell.ts', './zh-TW/overview.ts', './zh-TW/vocabulary.ts', './zh-TW/problems.ts'], { eager: true, import: 'default' }));
