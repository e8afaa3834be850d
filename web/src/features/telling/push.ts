/** Subscribing this browser to what the server pushes. */

import { useQuery } from '@tanstack/vue-query';
import { cache } from '@/api/cache';
import { http } from '@/api/http';

/** Why this browser cannot be pushed to; null where it can. */
export function whyNot(): 'no_worker' | 'no_push' | 'denied' | null {
  if (!('serviceWorker' in navigator) || !window.isSecureContext) return 'no_worker';
  if (!('PushManager' in window) || !('Notification' in window)) return 'no_push';
  return Notification.permission === 'denied' ? 'denied' : null;
}

export function usePush() {
  return useQuery({ queryKey: ['telling', 'push'], queryFn: ({ signal }) => http.get('/push', {}, signal) });
}
const refresh = (): Promise<void> => cache.invalidateQueries({ queryKey: ['telling', 'push'] });

/** base64url -> bytes: browsers differ in whether they take the key as text. */
export function bytesOf(key: string): Uint8Array<ArrayBuffer> {
  const text = atob(key.replaceAll('-', '+').replaceAll('_', '/'));
  const bytes = new Uint8Array(new ArrayBuffer(text.length));
  for (let at = 0; at < text.length; at += 1) bytes[at] = text.charCodeAt(at);
  return bytes;
}

/** The endpoint that this browser is subscribed with now. */
export async function ownEndpoint(): Promise<string | null> {
  const registration = await navigator.serviceWorker.getRegistration();
  return (await registration?.pushManager.getSubscription())?.endpoint ?? null;
}

/** Asks the person, subscribes, tells the server. False: the person said no. */
export async function pushOn(key: string): Promise<boolean> {
  if ((await Notification.requestPermission()) !== 'granted') return false;
  const registration = await navigator.serviceWorker.ready;
  // A subscription with another key would be refused by the push service for ever.
  await (await registration.pushManager.getSubscription())?.unsubscribe();
  const subscription = await registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: bytesOf(key) });
  const said = subscription.toJSON();
  await http.post('/push/subscriptions', { endpoint: subscription.endpoint, keys: { p256dh: said.keys?.['p256dh'] ?? '', auth: said.keys?.['auth'] ?? '' } });
  await refresh();
  return true;
}

export async function pushOff(id: number, own: boolean): Promise<void> {
  await http.delete(`/push/subscriptions/${id}`);
  if (own) await (await (await navigator.serviceWorker.getRegistration())?.pushManager.getSubscription())?.unsubscribe();
  await refresh();
}

export async function pushTest(id: number) {
  const said = await http.post(`/push/subscriptions/${id}/test`, {});
  await refresh();
  return said.outcome;
}
