/** What the overview asks of the server. */

import { keepPreviousData, useQuery } from '@tanstack/vue-query';
import type { FeatureCollection, MultiPolygon, Polygon } from 'geojson';
import { computed, toValue, type MaybeRefOrGetter } from 'vue';
import { http } from '@/api/http';

export function useOverview(area: MaybeRefOrGetter<string> = '') {
  return useQuery({
    queryKey: computed(() => ['overview', toValue(area)]),
    queryFn: ({ signal }) => http.get('/overview', { area: toValue(area) }, signal),
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
