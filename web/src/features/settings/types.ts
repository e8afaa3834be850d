/** Shapes of `/settings`. */

import type { Answer } from '@/api/answer';
import type { components } from '@/api/schema';

type Schemas = components['schemas'];

export type SettingScope = Schemas['ScopeKind'];
export const SETTING_SCOPES: readonly SettingScope[] = ['platform', 'profile', 'organisation', 'site', 'detector', 'channel'];

export type SettingField = 'enabled' | 'warning' | 'alarm' | 'on_delay_s' | 'off_delay_s' | 'deadband' | 'latching';
export const SETTING_FIELDS: readonly SettingField[] = ['enabled', 'warning', 'alarm', 'on_delay_s', 'off_delay_s', 'deadband', 'latching'];

export type SettingValue = number | boolean | null;

/** Which level a value comes from, and what that level rests on. */
export type Origin = Answer<Schemas['Origin']>;
/** What a level says itself; null is inherited. */
export type OwnLimits = Schemas['OwnLimits'];
/** Limits by field, so that a form can go through them. */
export type HazardSettings = Omit<Answer<Schemas['HazardSettings']>, 'own' | 'effective'> & {
  own: Partial<Record<SettingField, SettingValue>>;
  effective: Partial<Record<SettingField, { value: SettingValue; origin: Origin }>>;
};
export type ScopeSettings = Omit<Answer<Schemas['ScopeSettings']>, 'hazards'> & { hazards: HazardSettings[] };
export type Supervision = Answer<Schemas['SupervisionSettings']>;
