/** What the pages of detectors ask of the server. */

import { keepPreviousData, useQuery } from '@tanstack/vue-query';
import { computed, toValue, type MaybeRefOrGetter } from 'vue';
import { cache } from '@/api/cache';
import { http, type Filters } from '@/api/http';
import { usePaged } from '@/api/paged';
import type { Curve } from '@/api/types';
import type { CredentialKind } from './types';

export function useDetectors(filters: MaybeRefOrGetter<Filters<'/detectors'>>) {
  return usePaged(['detectors'], '/detectors', filters);
}

export function useDetector(id: MaybeRefOrGetter<number>, enabled: MaybeRefOrGetter<boolean> = true) {
  return useQuery({
    queryKey: computed(() => ['detectors', 'one', toValue(id)]),
    queryFn: ({ signal }) => http.get(`/detectors/${toValue(id)}`, {}, signal),
    enabled: computed(() => toValue(enabled)),
  });
}

export function useTerminal(id: MaybeRefOrGetter<number | null>) {
  return useQuery({
    queryKey: computed(() => ['terminals', toValue(id)]),
    queryFn: ({ signal }) => http.get(`/terminals/${toValue(id)}`, {}, signal),
    enabled: computed(() => toValue(id) !== null),
  });
}

export interface CurveWindow {
  from: string;
  to: string;
}

/** The curves of all channels of a detector; `window` is asked for anew at each fetch, so that "the last hour" moves on. */
export function useCurve(id: MaybeRefOrGetter<number>, channels: MaybeRefOrGetter<readonly number[]>, key: MaybeRefOrGetter<string>, window: () => CurveWindow, everyMs: MaybeRefOrGetter<number | false>) {
  return useQuery({
    queryKey: computed(() => ['curve', toValue(id), toValue(key), toValue(channels).join()]),
    queryFn: ({ signal }) => http.get(`/detectors/${toValue(id)}/curve`, { channels: toValue(channels), ...window(), points: 600 }, signal) as Promise<Curve>,
    enabled: computed(() => toValue(channels).length > 0),
    placeholderData: keepPreviousData,
    refetchInterval: computed(() => toValue(everyMs)),
  });
}

/** A detector's telegrams, or a terminal's before it is one. */
export type TelegramPath = `/detectors/${number}/telegrams` | `/terminals/${number}/telegrams`;

export function useTelegrams(path: MaybeRefOrGetter<TelegramPath>, refused: MaybeRefOrGetter<boolean>) {
  return usePaged(['telegrams'], path, () => (toValue(refused) ? { refused: true } : {}), { limit: 30 });
}

function listOf<T>(said: T[] | { items: T[] }): T[] {
  return Array.isArray(said) ? said : said.items;
}

export function useProfiles() {
  return useQuery({
    queryKey: ['profiles'],
    queryFn: async ({ signal }) => listOf(await http.get('/profiles', {}, signal)),
    staleTime: 60_000,
  });
}

export function useProfile(id: MaybeRefOrGetter<string>) {
  return useQuery({
    queryKey: computed(() => ['profiles', 'one', toValue(id)]),
    queryFn: ({ signal }) => http.get(`/profiles/${encodeURIComponent(toValue(id))}`, {}, signal),
    enabled: computed(() => toValue(id) !== ''),
    staleTime: 60_000,
  });
}

export function useAccess(terminal: MaybeRefOrGetter<number>) {
  return useQuery({
    queryKey: computed(() => ['terminals', toValue(terminal), 'access']),
    queryFn: ({ signal }) => http.get(`/terminals/${toValue(terminal)}/credentials`, {}, signal),
  });
}

export interface NewAccess {
  kind: CredentialKind;
  label?: string;
  pem?: string;
  secret?: string;
}

/** The secret that was made here, to be shown once. */
export async function issueAccess(terminal: number, draft: NewAccess): Promise<string | null> {
  const made = await http.post(`/terminals/${terminal}/credentials`, draft);
  await cache.invalidateQueries({ queryKey: ['terminals', terminal] });
  return made.secret ?? null;
}

export async function revokeAccess(terminal: number, id: number): Promise<void> {
  await http.delete(`/terminals/${terminal}/credentials/${id}`);
  await cache.invalidateQueries({ queryKey: ['terminals', terminal] });
}
