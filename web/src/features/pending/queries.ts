/** What the list of waiting terminals asks of the server and tells it. */

import type { MaybeRefOrGetter } from 'vue';
import { cache } from '@/api/cache';
import { http, type Filters } from '@/api/http';
import { usePaged } from '@/api/paged';
import type { Protocol } from '@/features/detectors/types';
import { placesChanged } from '@/features/sites/queries';
import type { AdmitDetector } from './types';

export function usePending(filters: MaybeRefOrGetter<Filters<'/pending'>>) {
  return usePaged(['pending'], '/pending', filters);
}

async function changed(): Promise<void> {
  await Promise.all([cache.invalidateQueries({ queryKey: ['pending'] }), placesChanged()]);
}

export async function admit(id: number, detectors: readonly AdmitDetector[]): Promise<{ terminal_id: number; detector_ids: number[] }> {
  const made = await http.post(`/pending/${id}/admit`, { detectors: [...detectors] });
  await changed();
  return made;
}

export async function register(serial: string, protocol: Protocol, detectors: readonly AdmitDetector[]): Promise<{ terminal_id: number; detector_ids: number[] }> {
  const made = await http.post('/terminals', { serial, protocol, detectors: [...detectors] });
  await changed();
  return made;
}

export async function refuse(id: number, reason: string | null): Promise<void> {
  await http.post(`/pending/${id}/refuse`, reason === null ? {} : { reason });
  await changed();
}

export async function restore(id: number): Promise<void> {
  await http.post(`/pending/${id}/restore`);
  await changed();
}
