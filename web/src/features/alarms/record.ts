/** What people enter about an alarm beside its life: calls, who was sent, notes; and the words for them. */

import { useQuery } from '@tanstack/vue-query';
import { computed, toValue, type MaybeRefOrGetter } from 'vue';
import type { Answer } from '@/api/answer';
import { cache } from '@/api/cache';
import { http } from '@/api/http';
import type { components } from '@/api/schema';
import type { AlarmTransition } from '@/api/types';

export type Somebody = Answer<components['schemas']['Somebody']>;
export type Capacity = components['schemas']['Capacity'];
export type CallOutcome = components['schemas']['CallOutcome'];
export type Dispatch = Answer<components['schemas']['Dispatch']>;
export type EntryStep = components['schemas']['EntryStep'];
export type AlarmPeople = Answer<components['schemas']['AlarmPeople']>;

export const CAPACITIES: readonly Capacity[] = ['owner', 'electrician', 'property', 'fire_brigade', 'power_supplier', 'other'];
export const OUTCOMES: readonly CallOutcome[] = ['reached', 'not_reached', 'busy'];
/** What everybody in the country dials for these. */
export const PUBLIC_NUMBERS: Partial<Record<Capacity, string>> = { fire_brigade: '119', power_supplier: '95598' };

/** Who can be called about an alarm or sent to it; asked for when a form is open. */
export function useAlarmPeople(alarm: MaybeRefOrGetter<number>, enabled: MaybeRefOrGetter<boolean>) {
  return useQuery({
    queryKey: computed(() => ['alarm-people', toValue(alarm)]),
    queryFn: ({ signal }) => http.get(`/alarms/${toValue(alarm)}/people`, {}, signal),
    enabled: computed(() => toValue(enabled)),
    staleTime: 60_000,
  });
}

/** `tel:` takes digits and `+`; an extension is dialled after a pause. */
export function telOf(phone: string): string {
  return `tel:${phone.replace(/[^\d+,#]/g, '')}`;
}

/** Who it was in one line: a name where there is one, else what they are. */
export function nameOf(whom: Somebody, t: (key: string, named: Record<string, string>) => string): string {
  const capacity = t(`alarms.record.capacity.${whom.capacity}`, {});
  if (whom.name === '') return whom.capacity === 'other' ? whom.phone : capacity;
  return whom.capacity === 'other' ? whom.name : t('alarms.record.who', { name: whom.name, capacity });
}

/** Whether a later entry can withdraw this step: only what a person entered. */
export function isEntry(step: AlarmTransition): boolean {
  return step.event === 'commented' || step.event === 'called' || step.event === 'dispatched' || step.event === 'arrived' || step.event === 'finished';
}

const changed = (): Promise<void> => cache.invalidateQueries({ queryKey: ['alarms'] });

export interface Entered {
  capacity: Capacity;
  name: string;
  phone: string;
  account_id: number | null;
}

export async function call(alarm: number, whom: Entered, outcome: CallOutcome, comment: string): Promise<void> {
  await http.post(`/alarms/${alarm}/calls`, { whom, outcome, comment: comment === '' ? null : comment });
  await changed();
}

export async function send(alarm: number, whom: Entered, expectedAt: string | null, comment: string): Promise<void> {
  await http.post(`/alarms/${alarm}/dispatches`, { whom, expected_at: expectedAt, comment: comment === '' ? null : comment });
  await changed();
}

export async function goOn(alarm: number, entry: number, step: EntryStep, comment: string): Promise<void> {
  await http.post(`/alarms/${alarm}/entries/${entry}`, { step, comment: comment === '' ? null : comment });
  await changed();
}

export async function say(alarm: number, comment: string): Promise<void> {
  await http.post(`/alarms/${alarm}/comment`, { comment });
  await changed();
}
