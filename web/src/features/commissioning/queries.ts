/** What commissioning asks of the server and tells it. */

import { useQuery } from '@tanstack/vue-query';
import { computed, toValue, type MaybeRefOrGetter } from 'vue';
import { cache } from '@/api/cache';
import { addressOf, http } from '@/api/http';
import { usePaged } from '@/api/paged';
import { smaller } from './picture';
import type { CommissioningRecord, NewCommissioning, Picture, PictureKind, WiringCheck } from './types';

export function useCommissioned(unchecked: MaybeRefOrGetter<boolean>) {
  return usePaged(['commissioning', 'list'], '/commissioning', () => ({ unchecked: toValue(unchecked) ? true : null }), { limit: 20 });
}

export function useRecords(detector: MaybeRefOrGetter<number>) {
  return useQuery({
    queryKey: computed(() => ['commissioning', 'records', toValue(detector)]),
    queryFn: ({ signal }) => http.get(`/detectors/${toValue(detector)}/commissioning`, { limit: 20 }, signal),
  });
}

export function useWiringChecks(detector: MaybeRefOrGetter<number>) {
  return useQuery({
    queryKey: computed(() => ['commissioning', 'checks', toValue(detector)]),
    queryFn: ({ signal }) => http.get(`/detectors/${toValue(detector)}/wiring-checks`, { limit: 10 }, signal),
  });
}

export function usePictures(site: MaybeRefOrGetter<number | null>) {
  return useQuery({
    queryKey: computed(() => ['pictures', toValue(site)]),
    queryFn: ({ signal }) => http.get(`/sites/${toValue(site)}/pictures`, { limit: 100 }, signal),
    enabled: computed(() => toValue(site) !== null),
  });
}

/** The waiting terminal with exactly this number. */
export async function waitingOf(serial: string) {
  const found = await http.get('/pending', { q: serial, limit: 50 });
  return found.items.find((terminal) => terminal.serial === serial) ?? null;
}

const changed = (): Promise<void> => cache.invalidateQueries({ queryKey: ['commissioning'] });

export async function keepRecord(detector: number, record: NewCommissioning): Promise<CommissioningRecord> {
  const kept = await http.post(`/detectors/${detector}/commissioning`, record);
  await changed();
  return kept;
}

export async function checkWiring(detector: number): Promise<WiringCheck> {
  const made = await http.post(`/detectors/${detector}/wiring-checks`);
  await changed();
  return made;
}

export const pictureAddress = (id: number): string => addressOf(`/pictures/${id}`);

export async function addPicture(site: number, file: Blob, about: { kind: PictureKind; detector: number | null; keepNotes?: boolean }): Promise<Picture> {
  const form = new FormData();
  form.set('kind', about.kind);
  if (about.detector !== null) form.set('detector_id', String(about.detector));
  if (about.keepNotes === true) form.set('keep_notes', 'true');
  form.set('file', about.keepNotes === true ? file : await smaller(file), 'picture.jpg');
  const kept = await http.upload<Picture>(`/sites/${site}/pictures`, form);
  await cache.invalidateQueries({ queryKey: ['pictures'] });
  return kept;
}

export async function dropPicture(id: number): Promise<void> {
  await http.delete(`/pictures/${id}`);
  await cache.invalidateQueries({ queryKey: ['pictures'] });
}
