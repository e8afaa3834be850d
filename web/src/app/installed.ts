/** The application as something installed: its worker, a newer version that waits, and what was kept for times without a connection. */

import { ref } from 'vue';
import { LAST_KNOWN } from '@/worker/lastKnown';

const waiting = ref<ServiceWorker | null>(null);
/** A newer version is there and waits until it is asked to take over. */
export const newVersion = waiting;
/** When the server said what is on screen, ms, where it comes from the cache because there is no connection. */
export const lastKnownMs = ref<number | null>(null);

/** Asks for the newer version; the page is loaded anew as soon as it has taken over. */
export function takeNewVersion(): void {
  navigator.serviceWorker.addEventListener('controllerchange', () => window.location.reload(), { once: true });
  waiting.value?.postMessage({ type: 'SKIP_WAITING' });
}

/** Whoever is next on this browser must not see what was kept for the last. */
export async function forgetLastKnown(): Promise<void> {
  lastKnownMs.value = null;
  if ('caches' in window) await caches.delete(LAST_KNOWN);
}

/** Half an hour: an open desk learns of a new version without being loaded anew. */
const LOOK_MS = 1_800_000;

export async function install(): Promise<void> {
  if (!('serviceWorker' in navigator) || import.meta.env.DEV) return;
  try {
    const registration = await navigator.serviceWorker.register('/worker.js', { updateViaCache: 'none' });
    const look = (): void => {
      // The first worker ever takes over by itself; only a second one is news.
      if (registration.waiting !== null && navigator.serviceWorker.controller !== null) waiting.value = registration.waiting;
    };
    look();
    registration.addEventListener('updatefound', () => registration.installing?.addEventListener('statechange', look));
    setInterval(() => void registration.update().catch(() => undefined), LOOK_MS);
  } catch {
    // Without a worker the application works as long as there is a connection; plain http allows none.
  }
}
