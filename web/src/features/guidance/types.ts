/** Shapes of guidance. */

import type { Answer } from '@/api/answer';
import type { components } from '@/api/schema';

type Schemas = components['schemas'];

export type AlarmGuidance = Answer<Schemas['AlarmGuidance']>;
export type AlarmCheck = Answer<Schemas['AlarmCheck']>;
export type GuidanceItem = Answer<Schemas['GuidanceItem']>;
export type GuidanceDetail = Answer<Schemas['GuidanceDetail']>;
export type GuidanceText = Answer<Schemas['GuidanceText']>;
