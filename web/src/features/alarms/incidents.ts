/** Incidents: alarms of one cause, what the desk asks about them and what people decide. */

import { useQuery } from '@tanstack/vue-query';
import { computed, toValue, type MaybeRefOrGetter } from 'vue';
import type { Answer } from '@/api/answer';
import { cache } from '@/api/cache';
import { http } from '@/api/http';
import type { components } from '@/api/schema';

export type Incident = Answer<components['schemas']['Incident']>;
export type IncidentMember = Answer<components['schemas']['IncidentMember']>;

/** Whatever changes an alarm may change its incident: both hang on the same key. */
export function useIncidents(enabled: MaybeRefOrGetter<boolean> = true) {
  return useQuery({
    queryKey: ['alarms', 'incidents'],
    queryFn: ({ signal }) => http.get('/incidents', {}, signal),
    select: (answer) => answer.items as Incident[],
    enabled: computed(() => toValue(enabled)),
    refetchInterval: 60_000,
  });
}

export function useIncidentOf(alarm: MaybeRefOrGetter<number>) {
  return useQuery({
    queryKey: computed(() => ['alarms', 'incident-of', toValue(alarm)]),
    queryFn: ({ signal }) => http.get(`/alarms/${toValue(alarm)}/incident`, {}, signal),
    select: (answer) => (answer.incident ?? null) as Incident | null,
  });
}

export async function split(alarm: number): Promise<void> {
  await http.post(`/alarms/${alarm}/split`);
  await cache.invalidateQueries({ queryKey: ['alarms'] });
}

export async function join(alarm: number, other: number): Promise<void> {
  await http.post(`/alarms/${alarm}/join`, { with: other });
  await cache.invalidateQueries({ queryKey: ['alarms'] });
}

/** Where a cause reaches, as a name; empty where it has none. */
export function placeOf(incident: Incident, areaName: (code: string) => string): string {
  if (incident.reach === 'area') return incident.area_code === null ? '' : areaName(incident.area_code);
  return [incident.site_name, incident.panel_name].filter((part) => part !== null).join(' · ');
}

/** The message that says what speaks for a grouping. */
export function reasonKey(incident: Incident): string {
  const counted = incident.kind === 'feeder_loss' && incident.of_detectors !== null;
  return `alarms.incident.because.${incident.kind}${counted ? '_counted' : ''}`;
}

export function reasonFacts(incident: Incident): Record<string, number> {
  const seconds = Math.round((Date.parse(incident.until) - Date.parse(incident.from)) / 1000);
  return { n: incident.detectors, of: incident.of_detectors ?? 0, sites: incident.sites, alarms: incident.member_count, s: seconds };
}
