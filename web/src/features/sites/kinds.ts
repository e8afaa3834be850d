/** Kinds of premises and of loads that have words in every language; the server takes any other word as it is. */

import { computed } from 'vue';
import { useI18n } from '@/app/i18n';
import type { Option } from '@/kit/form';

/** After the plan's list of premises to be looked at first. */
export const PREMISES_KINDS = [
  'building_material_market',
  'lamp_shop',
  'furnishing_centre',
  'appliance_centre',
  'mall',
  'hardware_store',
  'retail',
  'fire_equipment_dealer',
  'market',
  'restaurant',
  'hotel',
  'workshop',
  'warehouse',
  'rented_house',
  'residential',
  'office',
  'school',
  'hospital',
] as const;

export const LOAD_KINDS = ['lighting', 'sockets', 'air_conditioning', 'kitchen', 'motor', 'refrigeration', 'charging', 'incoming', 'mixed', 'fire_pump', 'smoke_exhaust', 'fire_lift', 'lift', 'medical', 'emergency_lighting', 'fire_alarm'] as const;

export function useKinds() {
  const { t, te } = useI18n();
  const word = (group: 'premises' | 'loads', code: string): string => (code === '' ? '—' : te(`sites.${group}.${code}`) ? t(`sites.${group}.${code}`) : code);
  return {
    premises: (code: string) => word('premises', code),
    load: (code: string) => word('loads', code),
    premisesOptions: computed<Option[]>(() => PREMISES_KINDS.map((code) => ({ value: code, label: t(`sites.premises.${code}`) }))),
    loadOptions: computed<Option[]>(() => LOAD_KINDS.map((code) => ({ value: code, label: t(`sites.loads.${code}`) }))),
  };
}

/** The options with the present value among them even when it is a word of the operator's own. */
export function withPresent(options: readonly Option[], present: string): Option[] {
  return present === '' || options.some((option) => option.value === present) ? [...options] : [...options, { value: present, label: present }];
}
