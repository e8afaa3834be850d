/** What the overview asks of the server. */

import { keepPreviousData, useQuery } from '@tanstack/vue-query';
import type { FeatureCollection, MultiPolygon, Polygon } from 'geojson';
import { computed, toValue, type MaybeRefOrGetter } from 'vue';
import { cache } from '@/api/cache';
import { http } from '@/api/http';

const overviewOf = (area: string) => ({ queryKey: ['overview', area], queryFn: ({ signal }: { signal: AbortSignal }) => http.get('/overview', { area }, signal) });

/** Asks before the page is there to ask. */
export const hurryOverview = (area: string): Promise<void> => cache.prefetchQuery({ ...overviewOf(area), retry: false });

export function useOverview(area: MaybeRefOrGetter<string> = '') {
  return useQuery({
    queryKey: computed(() => overviewOf(toValue(area)).queryKey),
    queryFn: ({ signal }) => overviewOf(toValue(area)).queryFn({ signal }),
    placeholderData: keepPreviousData,
    // Rates and ages move without an event.
    refetchInterval: 30_000,
  });
}

/** What each of the last `days` days raised and what has become of it. */
export function useTrend(days: number) {
  return useQuery({ queryKey: ['overview', 'trend', days], queryFn: ({ signal }) => http.get('/overview/trend', { days }, signal), refetchInterval: 60_000 });
}

export function useMapSites() {
  return useQuery({ queryKey: ['map'], queryFn: ({ signal }) => http.get('/map', {}, signal) });
}

export type Outline = FeatureCollection<Polygon | MultiPolygon, { code: string; name: string }>;

export function useOutline() {
  return useQuery({ queryKey: ['map-outline'], queryFn: ({ signal }) => http.get('/map/outline', {}, signal) as Promise<Outline>, staleTime: Infinity });
}
