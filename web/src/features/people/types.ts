/** Shapes of `/users`, `/tokens` and `/audit`. */

import type { Language, Role } from '@/api/types';

export const ROLES: readonly Role[] = ['administrator', 'safety_manager', 'operator', 'electrician', 'owner', 'regulator'];

/** A role over part of the world: an organisation and all below it, an area and all in it, both, or everything. */
export interface Grant {
  role: Role;
  organisation_id: number | null;
  area_code: string | null;
}

export interface User {
  id: number;
  login: string;
  name: string;
  language: Language;
  disabled: boolean;
  must_change_password: boolean;
  locked_until: string | null;
  last_sign_in_at: string | null;
  grants: Grant[];
  version: number;
}

export interface Token {
  id: number;
  name: string;
  role: Role;
  organisation_id: number | null;
  area_code: string | null;
  created_at: string;
  expires_at: string | null;
  last_used_at: string | null;
  prefix: string;
}
