/** The admission form: what was typed, what is wrong with it, and the request it becomes. */

import type { Protocol } from '@/features/detectors/types';
import { numberOf } from '@/kit/form';
import type { AdmitDetector, Place } from './types';

/** Chosen in a select in place of an existing thing: make a new one. */
export const NEW = 'new';

export interface TypedDetector {
  profile_id: string;
  unit_address: string;
  /** Address behind the terminal in protocols that name their values; empty = the terminal itself. */
  address: string;
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
  return { profile_id: hint ?? '', unit_address: String(at + 1), address: '', name: '', circuit: NEW, circuit_name: '', rated_current_a: '', phases: '1' };
}

export function emptyAdmission(hint: string | null): TypedAdmission {
  return { site: '', site_name: '', site_address: '', area_code: '', organisation_id: '', panel: NEW, panel_name: '', detectors: [emptyDetector(hint, 0)] };
}

/** Name that a field of a detector has in a refusal. */
export const fieldOf = (at: number, field: string): string => `detectors[${at}].${field}`;

/** Which models may stand behind a terminal of each protocol. */
const CARRIES: Record<Protocol, readonly Protocol[]> = {
  cloud_7b7b: ['cloud_7b7b'],
  modbus_rtu: ['modbus_rtu', 'dlt645'],
  modbus_tcp: ['modbus_rtu'],
  dlt645: [],
  gb26875: ['gb26875'],
  gateway_1f1f: ['gateway_1f1f', 'modbus_rtu'],
  telemetry: ['telemetry'],
};
export const carries = (terminal: Protocol, model: Protocol): boolean => CARRIES[terminal].includes(model);

/** Protocols that a terminal may speak. */
export const TERMINAL_PROTOCOLS = (Object.keys(CARRIES) as Protocol[]).filter((protocol) => CARRIES[protocol].length > 0);

/** Whether several detectors may stand behind one terminal. */
export const isShared = (protocol: Protocol): boolean => protocol !== 'cloud_7b7b';

/** A model that Modbus counts by unit. `model` is what is known of it; without, the terminal's own protocol decides. */
export const hasUnit = (terminal: Protocol, model: Protocol | undefined): boolean => (model ?? (terminal === 'modbus_tcp' ? 'modbus_rtu' : terminal)) === 'modbus_rtu';

/** A model with an address of its own behind the terminal. */
export const hasAddress = (terminal: Protocol, model: Protocol | undefined): boolean =>
  ['dlt645', 'gb26875', 'gateway_1f1f', 'telemetry'].includes(model ?? terminal) || (terminal === 'gateway_1f1f' && model === 'modbus_rtu');

/** The request, and what keeps it from being one. `kindOf` tells what a model speaks. */
export function admissionOf(typed: TypedAdmission, protocol: Protocol, kindOf: (profile: string) => Protocol | undefined = () => undefined): { detectors: AdmitDetector[]; faults: Fault[] } {
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

  const units = new Set<string>();
  const detectors = typed.detectors.map((detector, at): AdmitDetector => {
    const profile = need(fieldOf(at, 'profile_id'), detector.profile_id);
    const name = need(fieldOf(at, 'name'), detector.name);
    let unit: number | null = null;
    const kind = kindOf(profile);
    if (hasUnit(protocol, kind)) {
      unit = numberOf(detector.unit_address);
      const field = fieldOf(at, 'unit_address');
      if (unit === null) faults.push({ field, code: 'missing' });
      else if (!Number.isInteger(unit) || unit < 1 || unit > 247) faults.push({ field, code: 'out_of_range', params: { min: 1, max: 247 } });
      else if (units.has(`${unit} ${detector.address.trim()}`)) faults.push({ field, code: 'taken' });
      else units.add(`${unit} ${detector.address.trim()}`);
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
    const address = hasAddress(protocol, kind) ? detector.address.trim() : '';
    return { profile_id: profile, unit_address: unit, ...(address === '' ? {} : { address }), name, ...place };
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
