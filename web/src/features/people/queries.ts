/** What the pages of people ask of the server and tell it. */

import { useQuery } from '@tanstack/vue-query';
import { computed, type MaybeRefOrGetter } from 'vue';
import { cache } from '@/api/cache';
import { http, type Filters } from '@/api/http';
import { usePaged } from '@/api/paged';
import type { Language, Role } from '@/api/types';
import { useAreas, useOrganisations } from '@/features/sites/queries';
import type { Grant, Token, User } from './types';

export function useUsers(filters: MaybeRefOrGetter<Filters<'/users'>>) {
  return usePaged(['users'], '/users', filters);
}

export function useTokens() {
  return useQuery({
    queryKey: ['tokens'],
    queryFn: async ({ signal }) => {
      const said = await http.get('/tokens', {}, signal);
      return Array.isArray(said) ? said : said.items;
    },
  });
}

const refresh = (name: string): Promise<void> => cache.invalidateQueries({ queryKey: [name] });

export interface UserDraft {
  name: string;
  language: Language;
  grants: Grant[];
}

export async function createUser(draft: UserDraft & { login: string }): Promise<{ user: User; one_time_password: string }> {
  const made = await http.post('/users', draft);
  await refresh('users');
  return made;
}

export async function changeUser(user: User, patch: Partial<UserDraft> & { disabled?: boolean }): Promise<void> {
  await http.patch(`/users/${user.id}`, { ...patch, version: user.version });
  await refresh('users');
}

export async function resetPassword(user: User): Promise<string> {
  const said = await http.post(`/users/${user.id}/reset-password`);
  await refresh('users');
  return said.one_time_password;
}

export async function unlock(user: User): Promise<void> {
  await http.post(`/users/${user.id}/unlock`);
  await refresh('users');
}

/** For somebody who lost their phone. */
export async function removeCodesOf(user: User): Promise<void> {
  await http.post(`/users/${user.id}/remove-one-time-codes`);
  await refresh('users');
}

export async function createToken(draft: { name: string; role: Role; organisation_id: number | null; area_code: string | null; expires_at: string | null }): Promise<string> {
  const said = await http.post('/tokens', draft);
  await refresh('tokens');
  return said.token;
}

export async function revokeToken(token: Token): Promise<void> {
  await http.delete(`/tokens/${token.id}`);
  await refresh('tokens');
}

export async function saveOrganisation(id: number | null, draft: { name: string; kind: string; parent_id: number | null }, version: number): Promise<void> {
  const { parent_id: parent, ...rest } = draft;
  // Only the root has no parent, and nobody makes a second root.
  if (id !== null) await http.patch(`/organisations/${id}`, { ...rest, ...(parent === null ? {} : { parent_id: parent }), version });
  else if (parent !== null) await http.post('/organisations', { ...rest, parent_id: parent });
  await Promise.all([refresh('organisations'), refresh('sites')]);
}

export async function deleteOrganisation(id: number): Promise<void> {
  await http.delete(`/organisations/${id}`);
  await refresh('organisations');
}

/** Names of what grants and tokens reach. */
export function useReach() {
  const organisations = useOrganisations();
  const areas = useAreas();
  return computed(() => {
    const names = new Map((organisations.data.value ?? []).map((one) => [one.id, one.name]));
    const places = new Map((areas.data.value ?? []).map((one) => [one.code, one.name]));
    return (grant: { organisation_id: number | null; area_code: string | null }): string[] => [
      ...(grant.organisation_id === null ? [] : [names.get(grant.organisation_id) ?? `#${grant.organisation_id}`]),
      ...(grant.area_code === null ? [] : [places.get(grant.area_code) ?? grant.area_code]),
    ];
  });
}
