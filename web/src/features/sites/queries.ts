/** What the places ask of the server and tell it. */

import { useQuery } from '@tanstack/vue-query';
import { computed, toValue, type MaybeRefOrGetter } from 'vue';
import { cache } from '@/api/cache';
import { http, type Filters } from '@/api/http';
import { usePaged } from '@/api/paged';
import type { Option } from '@/kit/form';
import { detectorsOf } from './tree';

export function useSites(filters: MaybeRefOrGetter<Filters<'/sites'>>) {
  return usePaged(['sites'], '/sites', filters);
}

export function useSiteTree(id: MaybeRefOrGetter<number | null>) {
  return useQuery({
    queryKey: computed(() => ['sites', 'tree', toValue(id)]),
    queryFn: ({ signal }) => http.get(`/sites/${toValue(id)}/tree`, {}, signal),
    enabled: computed(() => toValue(id) !== null),
  });
}

/** Names of sites for a select; the worst part of a thousand sites is found by typing, see SitePicker. */
export function useSiteNames(q: MaybeRefOrGetter<string>, enabled: MaybeRefOrGetter<boolean> = true) {
  return useQuery({
    queryKey: computed(() => ['sites', 'names', toValue(q)]),
    queryFn: ({ signal }) => http.get('/sites', { q: toValue(q), sort: 'name', limit: 50 }, signal),
    enabled: computed(() => toValue(enabled)),
  });
}

function listOf<T>(said: T[] | { items: T[] }): T[] {
  return Array.isArray(said) ? said : said.items;
}

export function useOrganisations() {
  return useQuery({ queryKey: ['organisations'], queryFn: async ({ signal }) => listOf(await http.get('/organisations', {}, signal)), staleTime: 60_000 });
}

export function useAreas() {
  return useQuery({ queryKey: ['areas'], queryFn: async ({ signal }) => listOf(await http.get('/areas', {}, signal)), staleTime: Infinity });
}

/** A tree as entries of a select, children set in under their parents. */
export function treeOptions<K extends string | number>(nodes: readonly { id: K; name: string; parent: K | null }[]): Option[] {
  const known = new Set(nodes.map((node) => node.id));
  const options: Option[] = [];
  const walk = (parent: K | null, depth: number): void => {
    for (const node of nodes) {
      // A parent outside of the reader's scope is not in the list: its children stand at the top.
      const above = node.parent !== null && known.has(node.parent) ? node.parent : null;
      if (above !== parent) continue;
      options.push({ value: String(node.id), label: `${'\u2003'.repeat(depth)}${node.name}` });
      walk(node.id, depth + 1);
    }
  };
  walk(null, 0);
  return options;
}

export function useOrganisationOptions() {
  const query = useOrganisations();
  return computed(() => treeOptions((query.data.value ?? []).map((one) => ({ id: one.id, name: one.name, parent: one.parent_id }))));
}

export function useAreaOptions() {
  const query = useAreas();
  return computed(() => treeOptions((query.data.value ?? []).map((one) => ({ id: one.code, name: one.name, parent: one.parent_code }))));
}

/** Everything that shows places is asked for again. */
export function placesChanged(): Promise<unknown> {
  return Promise.all(['sites', 'detectors', 'overview', 'map'].map((name) => cache.invalidateQueries({ queryKey: [name] })));
}

export { detectorsOf };
