/** Shapes of `/settings`. */

import type { Hazard, Quantity } from '@/api/types';

export type SettingScope = 'platform' | 'profile' | 'organisation' | 'site' | 'detector' | 'channel';
export const SETTING_SCOPES: readonly SettingScope[] = ['platform', 'profile', 'organisation', 'site', 'detector', 'channel'];

export type SettingField = 'enabled' | 'warning' | 'alarm' | 'on_delay_s' | 'off_delay_s' | 'deadband' | 'latching';
export const SETTING_FIELDS: readonly SettingField[] = ['enabled', 'warning', 'alarm', 'on_delay_s', 'off_delay_s', 'deadband', 'latching'];

export type SettingValue = number | boolean | null;

/** Which level a value comes from, and what that level rests on. */
export interface Origin {
  scope: SettingScope;
  id: string;
  name: string;
  /** Clause of the standard or document, for values that have one. */
  source: string | null;
}

export interface HazardSettings {
  hazard: Hazard;
  /** Unit of its levels. */
  unit: string;
  applies: Quantity[];
  /** What this level says itself; null is inherited. */
  own: Partial<Record<SettingField, SettingValue>>;
  effective: Partial<Record<SettingField, { value: SettingValue; origin: Origin }>>;
  /** Comes back with a change; 0 while the level says nothing. */
  version: number;
}

export interface ScopeSettings {
  scope: SettingScope;
  id: string;
  name: string;
  version: number;
  hazards: HazardSettings[];
}

export interface Supervision {
  scope: SettingScope;
  id: string;
  name: string;
  /** What this level says itself; null is inherited. */
  offline_factor: number | null;
  interval_s: number | null;
  effective: Record<'offline_factor' | 'interval_s', { value: number | null; origin: Origin }>;
  version: number;
}
