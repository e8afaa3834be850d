/** What the pages of device models ask of the server and tell it. */

import { useQuery } from '@tanstack/vue-query';
import { computed, toValue, type MaybeRefOrGetter } from 'vue';
import { cache } from '@/api/cache';
import { addressOf, http } from '@/api/http';
import type { Check, Imported, Line, ProfileDetail, ProfileForm, Tested, Tried } from './types';

const at = (id: string) => encodeURIComponent(id);

export function useVersions(id: MaybeRefOrGetter<string>) {
  return useQuery({
    queryKey: computed(() => ['profiles', 'versions', toValue(id)]),
    queryFn: async ({ signal }) => (await http.get(`/profiles/${at(toValue(id))}/versions`, {}, signal)).items,
  });
}

export function useComparison(id: MaybeRefOrGetter<string>, from: MaybeRefOrGetter<number>, to: MaybeRefOrGetter<number>) {
  return useQuery({
    queryKey: computed(() => ['profiles', 'compare', toValue(id), toValue(from), toValue(to)]),
    queryFn: async ({ signal }) => (await http.get(`/profiles/${at(toValue(id))}/compare`, { from: toValue(from), to: toValue(to) }, signal)).lines,
    enabled: computed(() => toValue(from) !== toValue(to)),
  });
}

export function useLines(q: MaybeRefOrGetter<string>) {
  return useQuery({
    queryKey: computed(() => ['profiles', 'lines', toValue(q)]),
    queryFn: async ({ signal }): Promise<Line[]> => (await http.get('/profile-lines', { q: toValue(q) }, signal)).items,
    refetchInterval: 10_000,
  });
}

export const versionText = async (id: string, version: number): Promise<string> => (await http.get(`/profiles/${at(id)}/versions/${version}`)).text;

export const validate = (id: string | null, text: string, form: ProfileForm | null): Promise<Check> => http.post('/profiles/validate', { id, text, form });

export const test = (text: string, said: { hex: string; secret: string | null } | { json: string; topic: string }, group: number | null): Promise<Tested> => http.post('/profiles/test', { text, ...said, group });

export const tryLine = (text: string, terminal: number, read: boolean, unit: number | null): Promise<Tried> => http.post('/profiles/try', { text, terminal_id: terminal, read, unit });

/** A profile changes what is measured, judged and drawn everywhere. */
async function changed(): Promise<void> {
  await Promise.all(['profiles', 'settings', 'detectors', 'sites'].map((name) => cache.invalidateQueries({ queryKey: [name] })));
}

export async function create(id: string, text: string, reason: string): Promise<ProfileDetail> {
  const made = await http.post('/profiles', { id, text, reason });
  await changed();
  return made;
}

export async function save(id: string, text: string, version: number, reason: string): Promise<ProfileDetail> {
  const saved = await http.put(`/profiles/${at(id)}`, { text, version, reason });
  await changed();
  return saved;
}

export async function duplicate(id: string, newId: string, name: string): Promise<ProfileDetail> {
  const made = await http.post(`/profiles/${at(id)}/duplicate`, { id: newId, name });
  await changed();
  return made;
}

export async function remove(id: string, version: number): Promise<void> {
  await http.delete(`/profiles/${at(id)}?version=${version}`);
  await changed();
}

export async function importFiles(files: { name: string; text: string }[], replace: boolean): Promise<Imported[]> {
  const done = await http.post('/profiles/import', { files, replace, reason: '' });
  await changed();
  return done.files;
}

/** Where the browser fetches the file; the session's cookie goes along. */
export const exportAddress = (id: string): string => addressOf(`/profiles/${at(id)}/export`);
