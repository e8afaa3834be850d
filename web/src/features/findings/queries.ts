/** What the pages of findings ask of the server. */

import { useQuery } from '@tanstack/vue-query';
import { computed, toValue, type MaybeRefOrGetter } from 'vue';
import { cache } from '@/api/cache';
import { http, type Filters } from '@/api/http';
import { hurryPaged, usePaged } from '@/api/paged';

export function useFindings(filters: MaybeRefOrGetter<Filters<'/findings'>>) {
  return usePaged(['findings'], '/findings', filters);
}

/** What somebody has to see to. */
export const waitingFindings = (area: string): Filters<'/findings'> => ({ strength: 'strong', standing: true, dismissed: false, area });

/** Asks before the page is there to ask. */
export const hurryFindings = (filters: Filters<'/findings'>): Promise<void> => hurryPaged(['findings'], '/findings', filters);

export function useFinding(id: MaybeRefOrGetter<number>) {
  return useQuery({
    queryKey: computed(() => ['findings', 'one', toValue(id)]),
    queryFn: ({ signal }) => http.get(`/findings/${toValue(id)}`, {}, signal),
  });
}

/** The fits of a circuit; they change once a day. */
export function useAnalysis(detector: MaybeRefOrGetter<number>) {
  return useQuery({
    queryKey: computed(() => ['analysis', toValue(detector)]),
    queryFn: ({ signal }) => http.get(`/detectors/${toValue(detector)}/analysis`, {}, signal),
    staleTime: 600_000,
  });
}

export async function dismiss(id: number, reason: string): Promise<void> {
  await http.post(`/findings/${id}/dismiss`, { reason });
  await cache.invalidateQueries({ queryKey: ['findings'] });
}

export async function restore(id: number): Promise<void> {
  await http.post(`/findings/${id}/restore`);
  await cache.invalidateQueries({ queryKey: ['findings'] });
}
