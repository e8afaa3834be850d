/** What the metrics page asks of the server. */

import { keepPreviousData, useQuery } from '@tanstack/vue-query';
import { computed, toValue, type MaybeRefOrGetter } from 'vue';
import { http } from '@/api/http';
import type { AlarmMetrics } from '@/api/types';
import { nowMs } from '@/kit/clock';

const DAY_MS = 86_400_000;

export interface Asked {
  days: number;
  area: string;
  operators: number;
}

export function useAlarmMetrics(asked: MaybeRefOrGetter<Asked>) {
  return useQuery({
    queryKey: computed(() => ['metrics', toValue(asked)]),
    queryFn: ({ signal }) => {
      const { days, area, operators } = toValue(asked);
      return http.get('/alarms/metrics', { since: new Date(nowMs.value - days * DAY_MS).toISOString(), area, operators }, signal) as Promise<unknown> as Promise<AlarmMetrics>;
    },
    placeholderData: keepPreviousData,
    refetchInterval: 60_000,
  });
}
