/** What the frame and the start page say; comes with the application itself. */

import { gathered, type Words } from './words';

export default gathered(import.meta.glob<Words>(['./en/common.ts', './en/shell.ts', './en/overview.ts', './en/vocabulary.ts', './en/problems.ts'], { eager: true, import: 'default' }));
