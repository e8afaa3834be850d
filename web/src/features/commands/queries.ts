/** What the command screens ask of the server. */

import { useQuery } from '@tanstack/vue-query';
import { computed, onBeforeUnmount, toValue, type MaybeRefOrGetter } from 'vue';
import { cache } from '@/api/cache';
import { http, type Filters } from '@/api/http';
import { usePaged } from '@/api/paged';
import { listen, refresher } from '@/live/live';

export function useCommandOptions(detector: MaybeRefOrGetter<number>) {
  return useQuery({
    queryKey: computed(() => ['commands', 'options', toValue(detector)]),
    queryFn: ({ signal }) => http.get(`/detectors/${toValue(detector)}/commands`, {}, signal),
  });
}

export function useCommands(filters: MaybeRefOrGetter<Filters<'/commands'>>, limit = 50) {
  return usePaged(['commands'], '/commands', filters, { limit });
}

export function useCommand(id: MaybeRefOrGetter<number | null>) {
  return useQuery({
    queryKey: computed(() => ['commands', 'one', toValue(id)]),
    queryFn: ({ signal }) => http.get(`/commands/${toValue(id)}`, {}, signal),
    enabled: computed(() => toValue(id) !== null),
  });
}

export function useBatches() {
  return usePaged(['commands', 'batches'], '/command-batches', {}, { limit: 30 });
}

export function useBatch(id: MaybeRefOrGetter<number | null>) {
  return useQuery({
    queryKey: computed(() => ['commands', 'batch', toValue(id)]),
    queryFn: ({ signal }) => http.get(`/command-batches/${toValue(id)}`, {}, signal),
    enabled: computed(() => toValue(id) !== null),
  });
}

export const commandsChanged = (): Promise<void> => cache.invalidateQueries({ queryKey: ['commands'] });

/** Keeps everything about commands as new as the live stream while the component lives. */
export function useLiveCommands(): void {
  onBeforeUnmount(listen('command', refresher([['commands']], 800)));
}
