/** What the hand-over pages ask of the server and tell it. */

import { useQuery } from '@tanstack/vue-query';
import { computed, toValue, type MaybeRefOrGetter } from 'vue';
import type { Answer } from '@/api/answer';
import { cache } from '@/api/cache';
import { http, type Filters } from '@/api/http';
import { usePaged } from '@/api/paged';
import type { components } from '@/api/schema';

type Schemas = components['schemas'];
export type Standing = Answer<Schemas['Standing']>;
export type StandingNow = Answer<Schemas['StandingNow']>;
export type Handover = Answer<Schemas['Handover']>;
export type HandoverDetail = Answer<Schemas['HandoverDetail']>;
export type HandoverState = Schemas['HandoverState'];

export const STATES: readonly HandoverState[] = ['waiting', 'taken', 'withdrawn'];

export function useHandovers(filters: MaybeRefOrGetter<Filters<'/handovers'>>) {
  return usePaged(['handovers'], '/handovers', filters);
}

/** What stands now. It hangs on alarms too: whatever changes one may change it. */
export function useStanding(enabled: MaybeRefOrGetter<boolean>) {
  return useQuery({
    queryKey: ['alarms', 'standing'],
    queryFn: ({ signal }) => http.get('/standing', {}, signal),
    enabled: computed(() => toValue(enabled)),
    refetchInterval: 60_000,
  });
}

/** Hand-overs that wait to be taken over. */
export function useWaiting(enabled: MaybeRefOrGetter<boolean>) {
  return useQuery({
    queryKey: ['handovers', 'waiting'],
    queryFn: ({ signal }) => http.get('/handovers', { state: 'waiting', limit: 20 }, signal),
    select: (page) => page.items as Handover[],
    enabled: computed(() => toValue(enabled)),
  });
}

export function useHandover(id: MaybeRefOrGetter<number>) {
  return useQuery({
    queryKey: computed(() => ['handovers', 'one', toValue(id)]),
    queryFn: ({ signal }) => http.get(`/handovers/${toValue(id)}`, {}, signal),
  });
}

async function changed(): Promise<void> {
  await Promise.all([['handovers'], ['alarms', 'standing']].map((queryKey) => cache.invalidateQueries({ queryKey })));
}

export async function offer(to: number | null, remarks: string): Promise<HandoverDetail> {
  const made = await http.post('/handovers', { to, remarks });
  await changed();
  return made;
}

export async function take(id: number, remarks: string): Promise<void> {
  await http.post(`/handovers/${id}/take`, { remarks: remarks === '' ? null : remarks });
  await changed();
}

export async function withdraw(id: number): Promise<void> {
  await http.post(`/handovers/${id}/withdraw`);
  await changed();
}
