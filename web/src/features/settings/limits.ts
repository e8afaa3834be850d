/** Rules of the limits form: units, which side a limit holds from, and what was typed as a patch. */

import { numberOf } from '@/kit/form';
import { SETTING_FIELDS, type HazardSettings, type RuleSet, type SettingField, type SettingValue } from './types';

export function unitOf(hazard: HazardSettings, field: SettingField): string {
  switch (field) {
    case 'on_delay_s':
    case 'off_delay_s':
      return 's';
    case 'warning_percent':
      return '%';
    case 'night_from_h':
    case 'night_to_h':
      return 'h';
    case 'minimum':
      return hazard.minimum_unit ?? '';
    case 'cap':
      return hazard.cap_unit ?? '';
    case 'warning':
    case 'alarm':
    case 'deadband':
    case 'night_warning':
    case 'night_alarm':
      return hazard.unit;
    case 'enabled':
    case 'latching':
    case 'night_weekend':
      return '';
  }
}

export const isSwitch = (field: SettingField): boolean => field === 'enabled' || field === 'latching' || field === 'night_weekend';

/** Fields of which a sensor's fault has none: it is there or not, by day and by night. */
const OF_LEVELS: ReadonlySet<SettingField> = new Set<SettingField>(['warning_percent', 'night_from_h', 'night_to_h', 'night_weekend', 'night_warning', 'night_alarm']);

/** Fields that say anything for this hazard: one that is only reported by the device has no levels. */
export function fieldsOf(hazard: HazardSettings): SettingField[] {
  return SETTING_FIELDS.filter((field) => {
    if (field === 'minimum') return hazard.minimum_unit !== null;
    if (field === 'cap') return hazard.cap_unit !== null;
    if (OF_LEVELS.has(field) && hazard.hazard.startsWith('sensor_')) return false;
    return hazard.effective[field] !== undefined || hazard.own[field] !== undefined;
  });
}

/** The fields of the form in their three parts. */
export const PARTS: readonly { name: 'levels' | 'judging' | 'night'; fields: readonly SettingField[] }[] = [
  { name: 'levels', fields: ['enabled', 'warning', 'alarm', 'warning_percent'] },
  { name: 'judging', fields: ['on_delay_s', 'off_delay_s', 'deadband', 'latching', 'minimum', 'cap'] },
  { name: 'night', fields: ['night_from_h', 'night_to_h', 'night_weekend', 'night_warning', 'night_alarm'] },
];

/** 22.5 as 22:30. */
export function hourText(hours: number): string {
  const minutes = Math.round(hours * 60);
  return `${String(Math.floor(minutes / 60)).padStart(2, '0')}:${String(minutes % 60).padStart(2, '0')}`;
}

export interface Standard {
  set: RuleSet;
  hazards: HazardSettings['hazard'][];
}

/** The editions that limits rest on, each once, with the hazards whose limits those are. */
export function standardsOf(hazards: readonly HazardSettings[]): Standard[] {
  const found = new Map<string, Standard>();
  for (const { hazard, rule_sets } of hazards) {
    for (const set of rule_sets) {
      const key = `${set.standard}-${set.edition}`;
      const known = found.get(key);
      if (known === undefined) found.set(key, { set, hazards: [hazard] });
      else known.hazards.push(hazard);
    }
  }
  return [...found.entries()].sort(([a], [b]) => a.localeCompare(b)).map(([, standard]) => standard);
}

export type Typed = Record<SettingField, string>;

/** What this level says itself, as text for the form; inherited fields are empty. */
export function typedOf(hazard: HazardSettings): Typed {
  const typed = {} as Typed;
  for (const field of SETTING_FIELDS) {
    const own = hazard.own[field];
    typed[field] = own === undefined || own === null ? '' : String(own);
  }
  return typed;
}

export interface Fault {
  field: SettingField;
  code: string;
  params?: Record<string, unknown>;
}

/** The patch to send and what is wrong with it. Empty = inherit = null. */
export function patchOf(hazard: HazardSettings, typed: Typed): { patch: Partial<Record<SettingField, SettingValue>>; faults: Fault[] } {
  const patch: Partial<Record<SettingField, SettingValue>> = {};
  const faults: Fault[] = [];
  for (const field of fieldsOf(hazard)) {
    if (isSwitch(field)) {
      patch[field] = typed[field] === '' ? null : typed[field] === 'true';
      continue;
    }
    const value = numberOf(typed[field]);
    if (Number.isNaN(value)) faults.push({ field, code: 'not_a_number' });
    else if (value !== null && value < 0) faults.push({ field, code: 'negative' });
    patch[field] = value;
  }
  const level = (field: 'warning' | 'alarm'): number | null => {
    const said = patch[field] ?? (typed[field].trim() === '' ? inherited(hazard, field) : null);
    return typeof said === 'number' && Number.isFinite(said) ? said : null;
  };
  const warning = level('warning');
  const alarm = level('alarm');
  // Only what is said here can be put right here.
  if (faults.length === 0 && warning !== null && alarm !== null && (typed.warning !== '' || typed.alarm !== '')) {
    const wrong = hazard.is_low ? warning <= alarm : warning >= alarm;
    if (wrong) faults.push({ field: typed.warning !== '' ? 'warning' : 'alarm', code: wrongCode(hazard.is_low, typed.warning !== ''), params: { alarm, warning } });
  }
  return { patch, faults };
}

function wrongCode(isLow: boolean, atWarning: boolean): string {
  if (atWarning) return isLow ? 'below_alarm' : 'above_alarm';
  return isLow ? 'above_warning' : 'below_warning';
}

/** What holds without this level's word: known only while this level says nothing. */
export function inherited(hazard: HazardSettings, field: SettingField): SettingValue | undefined {
  const own = hazard.own[field];
  return own === undefined || own === null ? hazard.effective[field]?.value : undefined;
}
