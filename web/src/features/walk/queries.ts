/** What walks ask of the server and tell it. */

import { useQuery } from '@tanstack/vue-query';
import { computed, toValue, type MaybeRefOrGetter } from 'vue';
import { cache } from '@/api/cache';
import { http } from '@/api/http';
import type { KeptWalk } from './types';
import { report, type Walk } from './walk';

export function useWalks(detector: MaybeRefOrGetter<number>, alarm: MaybeRefOrGetter<number | null>) {
  return useQuery({
    queryKey: computed(() => ['walks', toValue(detector), toValue(alarm)]),
    queryFn: ({ signal }) => http.get(`/detectors/${toValue(detector)}/walks`, { alarm: toValue(alarm), limit: 10 }, signal),
  });
}

export async function keepWalk(detector: number, walk: Walk, now: number): Promise<KeptWalk> {
  const said = await http.post(`/detectors/${detector}/walks`, report(walk, now));
  await cache.invalidateQueries({ queryKey: ['walks'] });
  return said;
}
