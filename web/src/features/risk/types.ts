/** Shapes of risk. */

import type { Answer } from '@/api/answer';
import type { components } from '@/api/schema';

type Schemas = components['schemas'];

export type RiskGrade = Schemas['RiskGrade'];
export type RiskCause = Answer<Schemas['RiskCause']>;
export type RiskAct = Answer<Schemas['RiskAct']>;
export type RiskPart = Answer<Schemas['RiskPart']>;
export type CircuitRisk = Answer<Schemas['CircuitRisk']>;
export type SiteRisk = Answer<Schemas['SiteRisk']>;
export type RankedSite = Answer<Schemas['RankedSite']>;
export type RankedArea = Answer<Schemas['RankedArea']>;

/** Worst first. */
export const GRADES: readonly RiskGrade[] = ['grave', 'high', 'moderate', 'low'];
