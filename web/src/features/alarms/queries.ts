/** What the alarm desk asks of the server, and what it tells it. */

import { useMutation, useQuery } from '@tanstack/vue-query';
import { computed, toValue, type MaybeRefOrGetter } from 'vue';
import { cache } from '@/api/cache';
import { http, type Filters } from '@/api/http';
import { usePaged } from '@/api/paged';
import type { Alarm, AlarmDetail, Curve, LiveEvents, Verdict } from '@/api/types';
import { nowMs } from '@/kit/clock';

const HOUR_MS = 3_600_000;
export const UNACKNOWLEDGED = 'unacknowledged,returned_unacknowledged,latched_unacknowledged';

export function useAlarms(filters: MaybeRefOrGetter<Filters<'/alarms'>>) {
  return usePaged(['alarms'], '/alarms', filters);
}

/** The most urgent unacknowledged alarm and how many there are: what the sound and the badge go by. */
export function useMostUrgent(enabled: MaybeRefOrGetter<boolean>) {
  return useQuery({
    queryKey: ['alarms', 'most-urgent'],
    queryFn: ({ signal }) => http.get('/alarms', { state: UNACKNOWLEDGED, aside: 'none', sort: 'priority', limit: 1 }, signal),
    enabled: computed(() => toValue(enabled)),
    refetchInterval: 60_000,
  });
}

/** How many open alarms are set aside. */
export function useAsideCount() {
  return useQuery({
    queryKey: ['alarms', 'aside-count'],
    queryFn: ({ signal }) => http.get('/alarms', { state: 'open', aside: 'any', limit: 1 }, signal),
    select: (page) => page.total ?? 0,
    refetchInterval: 60_000,
  });
}

export function useAlarm(id: MaybeRefOrGetter<number | null>) {
  return useQuery({
    queryKey: computed(() => ['alarms', 'one', toValue(id)]),
    queryFn: ({ signal }) => http.get(`/alarms/${toValue(id)}`, {}, signal),
    enabled: computed(() => toValue(id) !== null),
  });
}

/** The curve around an alarm: from before it was raised to as long after it was over, or until now. */
export function useAlarmCurve(alarm: MaybeRefOrGetter<Alarm | undefined>) {
  return useQuery({
    queryKey: computed(() => ['alarm-curve', toValue(alarm)?.id, toValue(alarm)?.version]),
    queryFn: ({ signal }) => {
      const one = toValue(alarm);
      if (one === undefined) throw new Error('no alarm to draw');
      const raised = Date.parse(one.raised_at);
      const over = one.returned_at === null ? nowMs.value : Date.parse(one.returned_at);
      const around = Math.min(HOUR_MS, Math.max(HOUR_MS / 6, 2 * (over - raised)));
      const from = new Date(raised - around).toISOString();
      const to = new Date(Math.min(nowMs.value, one.returned_at === null ? Infinity : over + around)).toISOString();
      return http.get(`/detectors/${one.detector_id}/curve`, { channels: one.channel_id, from, to, points: 240 }, signal) as Promise<Curve>;
    },
    enabled: computed(() => {
      const one = toValue(alarm);
      return one !== undefined && one.channel_id !== null && one.class === 'hazard';
    }),
    refetchInterval: 30_000,
  });
}

/** A new reading of the alarm's channel, into the details that are on screen. */
export function takeReading(id: number, values: LiveEvents['values']): void {
  cache.setQueryData<AlarmDetail>(['alarms', 'one', id], (held) => {
    const read = values.channels.find((channel) => channel.id === held?.channel_id);
    if (held === undefined || read === undefined || read.quality !== 'good') return held;
    return { ...held, current_value: read.value, current_at: read.measured_at ?? read.received_at };
  });
}

const refresh = (): void => {
  void cache.invalidateQueries({ queryKey: ['alarms'] });
  void cache.invalidateQueries({ queryKey: ['overview'] });
};

/** What became of the reset that was also to be sent to the detector. */
export type DeviceCommand = 'sent' | 'not_connected' | 'unsupported' | 'failed' | null;

export function useAlarmActs() {
  return {
    acknowledge: useMutation({
      mutationFn: (ids: readonly number[]) =>
        ids.length === 1
          ? http.post(`/alarms/${ids[0]}/acknowledge`).then(() => ({ done: [...ids], refused: [] as { id: number; code: string }[] }))
          : http.post('/alarms/acknowledge', { ids: [...ids] }),
      onSettled: refresh,
    }),
    undo: useMutation({
      mutationFn: async (ids: readonly number[]) => {
        for (const id of ids) await http.post(`/alarms/${id}/undo-acknowledge`);
      },
      onSettled: refresh,
    }),
    reset: useMutation({
      mutationFn: (order: { id: number; comment?: string; send_to_device?: boolean }) =>
        http.post(`/alarms/${order.id}/reset`, { comment: order.comment, send_to_device: order.send_to_device }),
      onSettled: refresh,
    }),
  };
}

/** Sets an alarm aside; who shows the form says what was wrong. */
export async function shelve(id: number, minutes: number, reason: string): Promise<Alarm> {
  const alarm = await http.post(`/alarms/${id}/shelve`, { minutes, reason });
  refresh();
  return alarm;
}

export async function unshelve(id: number): Promise<void> {
  await http.post(`/alarms/${id}/unshelve`);
  refresh();
}

/** Says what an alarm was; nobody needs to acknowledge it after that. */
export async function judge(id: number, verdict: Verdict, note: string): Promise<void> {
  await http.post(`/alarms/${id}/verdict`, { verdict, note: note === '' ? null : note, acknowledge: true });
  refresh();
  void cache.invalidateQueries({ queryKey: ['metrics'] });
}
