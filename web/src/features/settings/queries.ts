/** What the settings ask of the server and tell it. */

import { useQuery } from '@tanstack/vue-query';
import { computed, toValue, type MaybeRefOrGetter } from 'vue';
import { cache } from '@/api/cache';
import { http } from '@/api/http';
import type { Hazard } from '@/api/types';
import type { OwnLimits, SettingField, SettingScope, SettingValue } from './types';

export interface Place {
  scope: SettingScope;
  id: string;
}

export function useSettings(place: MaybeRefOrGetter<Place | null>) {
  return useQuery({
    queryKey: computed(() => ['settings', toValue(place)?.scope, toValue(place)?.id]),
    queryFn: ({ signal }) => {
      const at = toValue(place);
      return http.get(`/settings/${at?.scope}/${encodeURIComponent(at?.id ?? '')}`, {}, signal);
    },
    enabled: computed(() => toValue(place) !== null),
  });
}

export function useSupervision(place: MaybeRefOrGetter<Place | null>) {
  return useQuery({
    queryKey: computed(() => ['settings', 'supervision', toValue(place)?.scope, toValue(place)?.id]),
    queryFn: ({ signal }) => {
      const at = toValue(place);
      return http.get(`/settings/supervision/${at?.scope}/${encodeURIComponent(at?.id ?? '')}`, {}, signal);
    },
    enabled: computed(() => toValue(place) !== null),
  });
}

/** Limits are drawn in curves, pictures and lists: all of those are old now. */
async function limitsChanged(): Promise<void> {
  await Promise.all(['settings', 'sites', 'detectors', 'curve', 'alarms'].map((name) => cache.invalidateQueries({ queryKey: [name] })));
}

export async function saveLimits(place: Place, hazard: Hazard, patch: Partial<Record<SettingField, SettingValue>>, version: number): Promise<void> {
  await http.put(`/settings/${place.scope}/${encodeURIComponent(place.id)}/${hazard}`, { own: patch as OwnLimits, version });
  await limitsChanged();
}

export async function saveSupervision(place: Place, patch: { offline_factor: number | null; interval_s: number | null; values_normal_h: number | null }, version: number): Promise<void> {
  await http.put(`/settings/supervision/${place.scope}/${encodeURIComponent(place.id)}`, { ...patch, version });
  await limitsChanged();
}
