/** Shapes of `/system` and `/audit`. */

import type { Answer } from '@/api/answer';
import type { components } from '@/api/schema';

type Schemas = components['schemas'];

export type SystemFacts = Answer<Schemas['SystemFacts']>;

export type AuditEntry = Answer<Schemas['AuditEntry']>;

export type AuditVerdict = Answer<Schemas['AuditVerdict']>;
