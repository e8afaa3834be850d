/** Rules of the limits form: units, which side a limit holds from, and what was typed as a patch. */

import type { Hazard } from '@/api/types';
import { numberOf } from '@/kit/form';
import { SETTING_FIELDS, type HazardSettings, type SettingField, type SettingValue } from './types';

/** Hazards that are broken from above: their alarm level lies under the warning level. */
const LOW: ReadonlySet<Hazard> = new Set<Hazard>(['under_voltage', 'phase_loss']);

export const isLow = (hazard: Hazard): boolean => LOW.has(hazard);

export function unitOf(hazard: HazardSettings, field: SettingField): string {
  if (field === 'on_delay_s' || field === 'off_delay_s') return 's';
  return field === 'warning' || field === 'alarm' || field === 'deadband' ? hazard.unit : '';
}

export const isSwitch = (field: SettingField): boolean => field === 'enabled' || field === 'latching';

/** Fields that say anything for this hazard: one that is only reported by the device has no levels. */
export function fieldsOf(hazard: HazardSettings): SettingField[] {
  return SETTING_FIELDS.filter((field) => hazard.effective[field] !== undefined || hazard.own[field] !== undefined);
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
    const wrong = isLow(hazard.hazard) ? warning <= alarm : warning >= alarm;
    if (wrong) faults.push({ field: typed.warning !== '' ? 'warning' : 'alarm', code: wrongCode(hazard.hazard, typed.warning !== ''), params: { alarm, warning } });
  }
  return { patch, faults };
}

function wrongCode(hazard: Hazard, atWarning: boolean): string {
  if (atWarning) return isLow(hazard) ? 'below_alarm' : 'above_alarm';
  return isLow(hazard) ? 'above_warning' : 'below_warning';
}

/** What holds without this level's word: known only while this level says nothing. */
export function inherited(hazard: HazardSettings, field: SettingField): SettingValue | undefined {
  const own = hazard.own[field];
  return own === undefined || own === null ? hazard.effective[field]?.value : undefined;
}
