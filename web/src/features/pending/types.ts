/** Shapes of `/pending`. */

import type { Answer } from '@/api/answer';
import type { components } from '@/api/schema';

type Schemas = components['schemas'];

export type PendingTerminal = Answer<Schemas['PendingTerminal']>;

export interface NewCircuit {
  name: string;
  rated_current_a: number | null;
  phases: number;
  load_kind: string;
}

/** Where a detector goes: an existing circuit, or a new one on an existing or new panel of an existing or new site. */
export interface Place {
  circuit_id?: number;
  new_circuit?: NewCircuit;
  panel_id?: number;
  new_panel?: { name: string; location: string };
  site_id?: number;
  new_site?: { name: string; address: string; area_code: string; organisation_id: number };
}

export interface AdmitDetector extends Place {
  profile_id: string;
  unit_address: number | null;
  /** Address behind the terminal in protocols that name their values. */
  address?: string;
  name: string;
}
