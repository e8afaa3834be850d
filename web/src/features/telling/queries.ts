/** What the pages of telling ask of the server and tell it. */

import { useQuery } from '@tanstack/vue-query';
import { computed, toValue, type MaybeRefOrGetter } from 'vue';
import { cache } from '@/api/cache';
import { http } from '@/api/http';
import type { components } from '@/api/schema';

type Schemas = components['schemas'];

const refresh = (): Promise<void> => cache.invalidateQueries({ queryKey: ['telling'] });

/** How it stands with telling anybody at all; for everybody, since everybody relies on it. */
export function useTellingStatus() {
  return useQuery({ queryKey: ['telling', 'status'], queryFn: ({ signal }) => http.get('/telling', {}, signal), refetchInterval: 60_000 });
}

export function useMedia(enabled: MaybeRefOrGetter<boolean> = true) {
  return useQuery({ queryKey: ['telling', 'media'], queryFn: async ({ signal }) => (await http.get('/media', {}, signal)).items, enabled: computed(() => toValue(enabled)), refetchInterval: 60_000 });
}
export function useRoutes() {
  return useQuery({ queryKey: ['telling', 'routes'], queryFn: async ({ signal }) => (await http.get('/routes', {}, signal)).items });
}
export function useLadders() {
  return useQuery({ queryKey: ['telling', 'ladders'], queryFn: async ({ signal }) => (await http.get('/ladders', {}, signal)).items });
}
export function useDuty() {
  return useQuery({ queryKey: ['telling', 'duty'], queryFn: async ({ signal }) => (await http.get('/duty', {}, signal)).items, refetchInterval: 300_000 });
}
export function useContact() {
  return useQuery({ queryKey: ['telling', 'contact'], queryFn: ({ signal }) => http.get('/accounts/me/contacts', {}, signal) });
}
/** What came from telephones by a medium, the newest first. */
export function useReplies(medium: MaybeRefOrGetter<number | null>) {
  return useQuery({
    queryKey: computed(() => ['telling', 'replies', toValue(medium)]),
    queryFn: async ({ signal }) => (await http.get(`/media/${toValue(medium) ?? 0}/replies`, {}, signal)).items,
    enabled: () => toValue(medium) !== null,
  });
}

export function useNotices(alarm: MaybeRefOrGetter<number>) {
  return useQuery({ queryKey: computed(() => ['alarms', 'notices', toValue(alarm)]), queryFn: async ({ signal }) => (await http.get(`/alarms/${toValue(alarm)}/notices`, {}, signal)).items, refetchInterval: 15_000 });
}

/** Everybody whose name a form may need. */
export function useAccounts(enabled: MaybeRefOrGetter<boolean>) {
  return useQuery({ queryKey: ['users', 'names'], queryFn: async ({ signal }) => (await http.get('/users', { limit: 200 }, signal)).items, enabled: computed(() => toValue(enabled)) });
}

export async function saveMedium(id: number | null, draft: Schemas['MediumDraft']): Promise<void> {
  await (id === null ? http.post('/media', draft) : http.put(`/media/${id}`, draft));
  await refresh();
}
export async function saveRoute(id: number | null, draft: Schemas['RouteDraft']): Promise<void> {
  await (id === null ? http.post('/routes', draft) : http.put(`/routes/${id}`, draft));
  await refresh();
}
export async function saveLadder(id: number | null, draft: Schemas['LadderDraft']): Promise<void> {
  await (id === null ? http.post('/ladders', draft) : http.put(`/ladders/${id}`, draft));
  await refresh();
}
export async function saveDuty(id: number | null, draft: Schemas['DutyDraft']): Promise<void> {
  await (id === null ? http.post('/duty', draft) : http.put(`/duty/${id}`, draft));
  await refresh();
}
export async function saveContact(draft: Schemas['ContactDraft']): Promise<void> {
  await http.put('/accounts/me/contacts', draft);
  await refresh();
}

export type SetKind = 'media' | 'routes' | 'ladders' | 'duty';
export async function remove(kind: SetKind, id: number): Promise<void> {
  await (kind === 'media' ? http.delete(`/media/${id}`) : kind === 'routes' ? http.delete(`/routes/${id}`) : kind === 'ladders' ? http.delete(`/ladders/${id}`) : http.delete(`/duty/${id}`));
  await refresh();
}

export async function testMedium(id: number) {
  const said = await http.post(`/media/${id}/test`, {});
  await refresh();
  return said;
}
