/** Shapes of `/settings`. */

import type { Answer } from '@/api/answer';
import type { components } from '@/api/schema';

type Schemas = components['schemas'];

export type SettingScope = Schemas['ScopeKind'];
export const SETTING_SCOPES: readonly SettingScope[] = ['platform', 'profile', 'organisation', 'site', 'detector', 'channel'];

/** What stands in the table; the other fields are said in words where they say anything. */
export const COLUMN_FIELDS = ['enabled', 'warning', 'alarm', 'on_delay_s', 'off_delay_s', 'deadband', 'latching'] as const;
export const SETTING_FIELDS = [...COLUMN_FIELDS, 'warning_percent', 'minimum', 'cap', 'night_from_h', 'night_to_h', 'night_weekend', 'night_warning', 'night_alarm'] as const;
export type SettingField = (typeof SETTING_FIELDS)[number];

export type SettingValue = number | boolean | null;

/** Which level a value comes from, and what that level rests on. */
export type Origin = Answer<Schemas['Origin']>;
/** What a level says itself; null is inherited. */
export type OwnLimits = Schemas['OwnLimits'];
/** Limits by field, so that a form can go through them. */
export type HazardSettings = Omit<Answer<Schemas['HazardSettings']>, 'own' | 'effective'> & {
  own: Partial<Record<SettingField, SettingValue>>;
  effective: Partial<Record<SettingField, { value: SettingValue; origin: Origin } | null>>;
};
/** An edition of a standard that limits rest on. */
export type RuleSet = Answer<Schemas['RuleSet']>;
export type ScopeSettings = Omit<Answer<Schemas['ScopeSettings']>, 'hazards'> & { hazards: HazardSettings[] };
export type Supervision = Answer<Schemas['SupervisionSettings']>;
