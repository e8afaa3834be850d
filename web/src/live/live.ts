/** The one live stream of this tab: its state, who listens, and what it does to the query cache. */

import { computed, onBeforeUnmount, ref, shallowRef, toValue, watch, type MaybeRefOrGetter } from 'vue';
import { cache } from '@/api/cache';
import type { LiveEvents } from '@/api/types';
import { nowMs, serverSaid } from '@/kit/clock';
import { LiveStream, type LiveEventName, type StreamState } from './stream';

const state = ref<StreamState>('idle');
const lostAt = ref<number | null>(null);
export const streamState = computed(() => state.value);
/** Seconds since the stream went silent; null while it runs. */
export const lostForS = computed(() => (lostAt.value === null ? null : Math.max(0, Math.round((nowMs.value - lostAt.value) / 1000))));
/** Why nothing can be stored at the moment; null while it can. */
export const storageStopped = ref<'full' | 'failing' | null>(null);

type Listener<N extends LiveEventName> = (data: LiveEvents[N]) => void;
const listeners: { [N in LiveEventName]: Set<Listener<N>> } = {
  hello: new Set(),
  gap: new Set(),
  alarm: new Set(),
  values: new Set(),
  status: new Set(),
  terminal: new Set(),
  command: new Set(),
  pending: new Set(),
  changed: new Set(),
  import: new Set(),
  storage: new Set(),
  ping: new Set(),
};

const stream = new LiveStream('/api/v1/live', {
  open: (address) => new EventSource(address),
  state: (next) => {
    if (next === 'lost' && lostAt.value === null) lostAt.value = nowMs.value;
    if (next === 'live' || next === 'idle') lostAt.value = null;
    // Retrying is not yet living: the banner stays until the server has spoken.
    state.value = next === 'connecting' && lostAt.value !== null ? 'lost' : next;
  },
  event: (name, data) => {
    for (const listener of listeners[name]) listener(data);
  },
});

/** Listens outside of any component; returns how to stop. */
export function listen<N extends LiveEventName>(name: N, listener: Listener<N>): () => void {
  listeners[name].add(listener);
  return () => listeners[name].delete(listener);
}

/** Listens as long as the component lives. */
export function useLive<N extends LiveEventName>(name: N, listener: Listener<N>): void {
  onBeforeUnmount(listen(name, listener));
}

export const startLive = (): void => stream.start();
export const stopLive = (): void => stream.stop();
export const hurryLive = (): void => stream.hurry();

const watched = shallowRef<readonly (() => readonly number[])[]>([]);
let rewatch: ReturnType<typeof setTimeout> | undefined;
function applyWatched(): void {
  clearTimeout(rewatch);
  // Leaving one detector's page for another must not connect twice.
  rewatch = setTimeout(() => stream.watch(watched.value.flatMap((wanted) => wanted())), 150);
}

/** Asks for `values` events of these detectors while the component lives: `useLiveValues(() => [id], patch)`. */
export function useLiveValues(detectors: MaybeRefOrGetter<readonly number[]>, listener: Listener<'values'>): void {
  const wanted = (): readonly number[] => toValue(detectors);
  watched.value = [...watched.value, wanted];
  watch(wanted, applyWatched, { immediate: true });
  const stop = listen('values', (data) => {
    if (wanted().includes(data.detector_id)) listener(data);
  });
  onBeforeUnmount(() => {
    stop();
    watched.value = watched.value.filter((other) => other !== wanted);
    applyWatched();
  });
}

/** Marks cached answers as old, at most once per `everyMs` however fast events come; the first at once. */
export function refresher(keys: readonly (readonly unknown[])[], everyMs: number): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let again = false;
  const run = (): void => {
    again = false;
    for (const queryKey of keys) void cache.invalidateQueries({ queryKey });
    timer = setTimeout(() => {
      timer = undefined;
      if (again) run();
    }, everyMs);
  };
  return () => {
    if (timer === undefined) run();
    else again = true;
  };
}

const countsChanged = refresher([['overview'], ['map']], 4000);
const alarmsChanged = refresher([['alarms']], 1500);
const sitesChanged = refresher([['sites'], ['detectors']], 5000);
const pendingChanged = refresher([['pending']], 1000);

listen('hello', (data) => serverSaid(data.server_now));
listen('ping', (data) => serverSaid(data.server_now));
// Whatever happened meanwhile, all that is on screen is asked for again.
listen('gap', () => void cache.invalidateQueries());
listen('alarm', () => {
  alarmsChanged();
  countsChanged();
  sitesChanged();
});
listen('status', () => {
  countsChanged();
  sitesChanged();
});
listen('terminal', sitesChanged);
listen('pending', () => {
  pendingChanged();
  countsChanged();
});
const everythingChanged = refresher([[]], 3000);
// Places, people or settings: rare, and any page may show them.
listen('changed', everythingChanged);
listen('storage', (data) => {
  storageStopped.value = data.state === 'full' || data.state === 'failing' ? data.state : null;
  countsChanged();
});

window.addEventListener('online', hurryLive);
window.addEventListener('offline', () => stream.lose());
document.addEventListener('visibilitychange', () => {
  if (document.visibilityState === 'visible') hurryLive();
});
