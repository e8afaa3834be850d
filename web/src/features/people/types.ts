/** Shapes of `/users`, `/tokens` and `/audit`. */

import type { Answer } from '@/api/answer';
import type { components } from '@/api/schema';
import type { Role } from '@/api/types';

type Schemas = components['schemas'];

export const ROLES: readonly Role[] = ['administrator', 'safety_manager', 'operator', 'electrician', 'owner', 'regulator'];

/** A role over part of the world: an organisation and all below it, an area and all in it, both, or everything. */
export type Grant = Answer<Schemas['Grant']>;

export type User = Answer<Schemas['User']>;

export type Token = Answer<Schemas['Token']>;
