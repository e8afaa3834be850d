/** What the maintenance page asks of the server and tells it. */

import type { MaybeRefOrGetter } from 'vue';
import { cache } from '@/api/cache';
import { http, type Filters } from '@/api/http';
import { usePaged } from '@/api/paged';
import type { MaintenanceWindow } from '@/api/types';

export function useWindows(filters: MaybeRefOrGetter<Filters<'/maintenance-windows'>>) {
  return usePaged(['maintenance'], '/maintenance-windows', filters);
}

/** Windows set alarms aside and give them back. */
export function windowsChanged(): Promise<unknown> {
  return Promise.all(['maintenance', 'alarms', 'overview'].map((name) => cache.invalidateQueries({ queryKey: [name] })));
}

export async function endWindow(window: MaintenanceWindow): Promise<void> {
  await http.post(`/maintenance-windows/${window.id}/end`);
  await windowsChanged();
}
