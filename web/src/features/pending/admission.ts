/** The admission form: what was typed, what is wrong with it, and the request it becomes. */

import type { Protocol } from '@/features/detectors/types';
import { numberOf } from '@/kit/form';
import type { AdmitDetector, Place } from './types';

/** Chosen in a select in place of an existing thing: make a new one. */
export const NEW = 'new';

export interface TypedDetector {
  profile_id: string;
  unit_address: string;
  name: string;
  /** Existing circuit, `NEW`, or empty = on no circuit yet. */
  circuit: string;
  circuit_name: string;
  rated_current_a: string;
  phases: string;
}

export interface TypedAdmission {
  /** Existing site or `NEW`. */
  site: string;
  site_name: string;
  site_address: string;
  area_code: string;
  organisation_id: string;
  /** Existing panel or `NEW`; a new site has only new panels. */
  panel: string;
  panel_name: string;
  detectors: TypedDetector[];
}

export interface Fault {
  field: string;
  code: string;
  params?: Record<string, unknown>;
}

export function emptyDetector(hint: string | null, at: number): TypedDetector {
  return { profile_id: hint ?? '', unit_address: String(at + 1), name: '', circuit: NEW, circuit_name: '', rated_current_a: '', phases: '1' };
}

export function emptyAdmission(hint: string | null): TypedAdmission {
  return { site: '', site_name: '', site_address: '', area_code: '', organisation_id: '', panel: NEW, panel_name: '', detectors: [emptyDetector(hint, 0)] };
}

/** Name that a field of a detector has in a refusal. */
export const fieldOf = (at: number, field: string): string => `detectors[${at}].${field}`;

/** The request, and what keeps it from being one. */
export function admissionOf(typed: TypedAdmission, protocol: Protocol): { detectors: AdmitDetector[]; faults: Fault[] } {
  const faults: Fault[] = [];
  const need = (field: string, said: string): string => {
    if (said.trim() === '') faults.push({ field, code: 'missing' });
    return said.trim();
  };
  const site: Place =
    typed.site === NEW
      ? { new_site: { name: need('site_name', typed.site_name), address: typed.site_address.trim(), area_code: need('area_code', typed.area_code), organisation_id: Number(need('organisation_id', typed.organisation_id)) } }
      : { site_id: Number(need('site', typed.site)) };
  const newPanel = typed.site === NEW || typed.panel === NEW;
  const wantsPanel = typed.detectors.some((detector) => detector.circuit === NEW);
  const panel: Place = !wantsPanel ? {} : newPanel ? { ...site, new_panel: { name: need('panel_name', typed.panel_name), location: '' } } : { panel_id: Number(typed.panel) };

  const units = new Set<number>();
  const detectors = typed.detectors.map((detector, at): AdmitDetector => {
    const profile = need(fieldOf(at, 'profile_id'), detector.profile_id);
    const name = need(fieldOf(at, 'name'), detector.name);
    let unit: number | null = null;
    if (protocol === 'modbus_rtu') {
      unit = numberOf(detector.unit_address);
      const field = fieldOf(at, 'unit_address');
      if (unit === null) faults.push({ field, code: 'missing' });
      else if (!Number.isInteger(unit) || unit < 1 || unit > 247) faults.push({ field, code: 'out_of_range', params: { min: 1, max: 247 } });
      else if (units.has(unit)) faults.push({ field, code: 'taken' });
      else units.add(unit);
    }
    let place: Place;
    if (detector.circuit === NEW) {
      const rated = numberOf(detector.rated_current_a);
      if (Number.isNaN(rated)) faults.push({ field: fieldOf(at, 'rated_current_a'), code: 'not_a_number' });
      else if (rated !== null && (rated < 0.1 || rated > 10_000)) faults.push({ field: fieldOf(at, 'rated_current_a'), code: 'out_of_range', params: { min: 0.1, max: 10_000 } });
      place = { ...panel, new_circuit: { name: need(fieldOf(at, 'circuit_name'), detector.circuit_name), rated_current_a: rated, phases: Number(detector.phases), load_kind: '' } };
    } else {
      place = detector.circuit === '' ? site : { circuit_id: Number(detector.circuit) };
    }
    return { profile_id: profile, unit_address: unit, name, ...place };
  });
  return { detectors, faults };
}

/** The server names fields as the request has them; the form has one field for what it repeats for every detector. */
export function formFieldOf(field: string): string {
  const said = /^detectors\[(\d+)\]\.(.*)$/.exec(field);
  if (said?.[1] === undefined || said[2] === undefined) return field;
  const at = Number(said[1]);
  switch (said[2]) {
    case 'new_site.name':
      return 'site_name';
    case 'new_site.address':
      return 'site_address';
    case 'new_site.area_code':
      return 'area_code';
    case 'new_site.organisation_id':
      return 'organisation_id';
    case 'site_id':
      return 'site';
    case 'new_panel.name':
      return 'panel_name';
    case 'panel_id':
      return 'panel';
    case 'new_circuit.name':
      return fieldOf(at, 'circuit_name');
    case 'new_circuit.rated_current_a':
      return fieldOf(at, 'rated_current_a');
    case 'new_circuit.phases':
      return fieldOf(at, 'phases');
    case 'circuit_id':
      return fieldOf(at, 'circuit');
    default:
      return field;
  }
}
