/** Shapes of `/findings` and of a detector's analysis. */

import type { Answer } from '@/api/answer';
import type { components } from '@/api/schema';

type Schemas = components['schemas'];

export type FindingKind = Schemas['FindingKind'];
export type FindingStrength = Schemas['FindingStrength'];
export type Finding = Answer<Schemas['Finding']>;
export type FindingDetail = Answer<Schemas['FindingDetail']>;
export type FindingCurve = Answer<Schemas['FindingCurve']>;
export type FindingFigure = Answer<Schemas['FindingFigure']>;
export type CircuitAnalysis = Answer<Schemas['CircuitAnalysis']>;
export type AnalysisModel = Answer<Schemas['AnalysisModel']>;

/** Gravest first, as the server orders them. */
export const KINDS: readonly FindingKind[] = [
  'loosening_terminal',
  'ageing_insulation',
  'leaking_load',
  'ageing_supply',
  'neutral_heating',
  'overload_ahead',
  'ebike_charging',
  'after_hours',
  'unequal_heating',
];
