/** Commissioning as the screens use it. */

import type { Answer } from '@/api/answer';
import type { components } from '@/api/schema';

type Schemas = components['schemas'];

export type Picture = Answer<Schemas['Picture']>;
export type PictureKind = Schemas['PictureKind'];
export type CommissioningRecord = Answer<Schemas['CommissioningRecord']>;
export type CommissionedDetector = Answer<Schemas['CommissionedDetector']>;
export type NewCommissioning = Schemas['NewCommissioning'];
export type SelfTest = Schemas['SelfTest'];
export type WiringCheck = Answer<Schemas['WiringCheck']>;

export const PICTURE_KINDS: readonly PictureKind[] = ['panel', 'label', 'wiring', 'other'];
