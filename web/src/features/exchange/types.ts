/** Spreadsheets as the screens use them. */

import type { Answer } from '@/api/answer';
import type { components } from '@/api/schema';

type Schemas = components['schemas'];

export type ImportReport = Answer<Schemas['ImportReport']>;
export type ImportMode = 'all_or_nothing' | 'good_lines';
