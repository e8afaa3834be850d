/** Shapes of `/sites`, `/panels`, `/circuits`, `/organisations` and `/areas`. */

import type { Answer } from '@/api/answer';
import type { components } from '@/api/schema';

type Schemas = components['schemas'];

export type Site = Answer<Schemas['Site']>;

export type TreeDetector = Answer<Schemas['TreeDetector']>;

export type TreeCircuit = Answer<Schemas['TreeCircuit']>;

export type TreePanel = Answer<Schemas['TreePanel']>;

export type SiteTree = Answer<Schemas['SiteTree']>;

export type Organisation = Answer<Schemas['Organisation']>;

export type Area = Answer<Schemas['Area']>;
