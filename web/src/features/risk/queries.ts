/** What the pages of risk ask of the server. */

import { useQuery } from '@tanstack/vue-query';
import { computed, toValue, type MaybeRefOrGetter } from 'vue';
import { http, type Filters } from '@/api/http';
import { usePaged } from '@/api/paged';
import { refresher, useLive } from '@/live/live';

/** Alarms change scores; the kept ones of the ranking follow within a minute. */
export function useRiskFresh(): void {
  const changed = refresher([['risk']], 10_000);
  useLive('alarm', changed);
}

export function useRanking(filters: MaybeRefOrGetter<Filters<'/risk'>>) {
  return usePaged(['risk'], '/risk', filters);
}

export function useRankedAreas() {
  return useQuery({ queryKey: ['risk', 'areas'], queryFn: ({ signal }) => http.get('/risk/areas', {}, signal), refetchInterval: 60_000 });
}

export function useRiskRules() {
  return useQuery({ queryKey: ['risk', 'rules'], queryFn: ({ signal }) => http.get('/risk/rules', {}, signal), staleTime: 600_000 });
}

export function useSiteRisk(site: MaybeRefOrGetter<number>) {
  return useQuery({ queryKey: computed(() => ['risk', 'site', toValue(site)]), queryFn: ({ signal }) => http.get(`/sites/${toValue(site)}/risk`, {}, signal) });
}

export function useDetectorRisk(detector: MaybeRefOrGetter<number>) {
  return useQuery({ queryKey: computed(() => ['risk', 'detector', toValue(detector)]), queryFn: ({ signal }) => http.get(`/detectors/${toValue(detector)}/risk`, {}, signal) });
}
