/** Shapes of `/detectors/{id}/walks`. */

import type { Answer } from '@/api/answer';
import type { components } from '@/api/schema';

export type KeptWalk = Answer<components['schemas']['Walk']>;
