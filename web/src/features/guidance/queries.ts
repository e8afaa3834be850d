/** What guidance asks of the server and tells it. */

import { useQuery } from '@tanstack/vue-query';
import { computed, toValue, type MaybeRefOrGetter } from 'vue';
import { cache } from '@/api/cache';
import { http } from '@/api/http';
import type { Hazard, Language } from '@/api/types';
import { language } from '@/app/i18n';
import type { AlarmCheck, GuidanceDetail } from './types';

/** Under `alarms`, so that a tick of a colleague comes with the alarm's event. */
const keyOf = (alarm: number): readonly unknown[] => ['alarms', 'guidance', alarm, language.value];

export function useAlarmGuidance(alarm: MaybeRefOrGetter<number>) {
  return useQuery({
    queryKey: computed(() => keyOf(toValue(alarm))),
    queryFn: ({ signal }) => http.get(`/alarms/${toValue(alarm)}/guidance`, { language: language.value }, signal),
  });
}

/** Ticks a line as it was read, or takes the tick back. */
export async function tick(alarm: number, line: AlarmCheck, done: boolean): Promise<void> {
  const key = keyOf(alarm);
  cache.setQueryData(key, await http.post(`/alarms/${alarm}/check`, { place: line.place, words: line.words, done, language: language.value }));
}

export function useGuidanceList(organisation: MaybeRefOrGetter<string>) {
  return useQuery({
    queryKey: computed(() => ['guidance', 'list', toValue(organisation)]),
    queryFn: ({ signal }) => http.get('/guidance', { organisation: Number(toValue(organisation)) }, signal),
    enabled: computed(() => toValue(organisation) !== ''),
  });
}

export function useGuidance(organisation: MaybeRefOrGetter<string>, hazard: MaybeRefOrGetter<string>) {
  return useQuery({
    queryKey: computed(() => ['guidance', 'one', toValue(organisation), toValue(hazard)]),
    queryFn: ({ signal }) => http.get(`/guidance/${toValue(hazard)}`, { organisation: Number(toValue(organisation)) }, signal),
    enabled: computed(() => toValue(organisation) !== '' && toValue(hazard) !== ''),
  });
}

async function changed(detail: GuidanceDetail): Promise<void> {
  cache.setQueryData(['guidance', 'one', String(detail.organisation_id), detail.hazard], detail);
  await Promise.all([cache.invalidateQueries({ queryKey: ['guidance', 'list'] }), cache.invalidateQueries({ queryKey: ['alarms', 'guidance'] })]);
}

export async function write(organisation: string, hazard: Hazard, spoken: Language, lines: { owner: string[]; electrician: string[] }, version: number): Promise<void> {
  await changed(await http.put(`/guidance/${hazard}/${spoken}`, { organisation_id: Number(organisation), ...lines, version }));
}

export async function restore(organisation: string, hazard: Hazard, spoken: Language, version: number): Promise<void> {
  await http.delete(`/guidance/${hazard}/${spoken}?organisation=${organisation}&version=${version}`);
  await cache.invalidateQueries({ queryKey: ['guidance'] });
  await cache.invalidateQueries({ queryKey: ['alarms', 'guidance'] });
}
