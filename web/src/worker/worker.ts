/**
 * The service worker: keeps the application's files, the last known state for times without a connection, and shows what is
 * pushed. Everything else goes to the server as if it were not there.
 */

import { ExpirationPlugin } from 'workbox-expiration';
import { cleanupOutdatedCaches, createHandlerBoundToURL, precacheAndRoute } from 'workbox-precaching';
import { NavigationRoute, registerRoute } from 'workbox-routing';
import { CacheFirst, NetworkFirst } from 'workbox-strategies';
import { LAST_KNOWN, LAST_KNOWN_HEADER, isKeptAddress } from './lastKnown';
import { placeOf, readPush, wordsOf, type PushMessage } from './push';

declare const self: ServiceWorkerGlobalScope & { __WB_MANIFEST: (string | { url: string; revision: string | null })[] };

precacheAndRoute(self.__WB_MANIFEST);
cleanupOutdatedCaches();

// Pages of the server itself are not places inside the application.
registerRoute(new NavigationRoute(createHandlerBoundToURL('index.html'), { denylist: [/^\/api\//, /^\/a\//, /^\/metrics/, /^\/health/] }));
// What has a hash in its name never changes.
registerRoute(({ url, sameOrigin }) => sameOrigin && url.pathname.startsWith('/assets/'), new CacheFirst({ cacheName: 'assets', plugins: [new ExpirationPlugin({ maxEntries: 120 })] }));
registerRoute(
  ({ url, sameOrigin, request }) => sameOrigin && request.method === 'GET' && isKeptAddress(url.pathname),
  new NetworkFirst({
    cacheName: LAST_KNOWN,
    plugins: [
      new ExpirationPlugin({ maxEntries: 80, maxAgeSeconds: 7 * 86_400 }),
      {
        // The page must be able to say from when it is.
        cachedResponseWillBeUsed: async ({ cachedResponse }) => {
          if (cachedResponse == null) return null;
          const headers = new Headers(cachedResponse.headers);
          headers.set(LAST_KNOWN_HEADER, headers.get('date') ?? '');
          return new Response(await cachedResponse.blob(), { status: cachedResponse.status, headers });
        },
      },
    ],
  }),
);

self.addEventListener('message', (event) => {
  if ((event.data as { type?: string } | null)?.type === 'SKIP_WAITING') void self.skipWaiting();
});
self.addEventListener('activate', (event) => event.waitUntil(self.clients.claim()));

function show(message: PushMessage): Promise<void> {
  const words = wordsOf(message.language);
  const isAlarm = message.severity === 'alarm';
  const actions = [
    ...(message.acknowledge_link === null ? [] : [{ action: 'acknowledge', title: words.acknowledge }]),
    { action: 'open', title: words.open },
  ];
  return self.registration.showNotification(message.title, {
    body: message.body,
    lang: message.language,
    tag: message.group,
    icon: '/icons/icon-192.png',
    badge: '/icons/badge-96.png',
    // An alarm stays until somebody has seen it, and rings again when there is more.
    requireInteraction: isAlarm,
    data: message,
    ...({ renotify: true, vibrate: isAlarm ? [300, 120, 300, 120, 300] : [200], actions } as object),
  });
}

/** The number on the application's icon: alarms on the screen that nobody has acknowledged. */
async function badge(): Promise<void> {
  const shown = await self.registration.getNotifications();
  const many = shown.filter((one) => readPush(one.data) !== null).length;
  const icon = self.navigator as WorkerNavigator & { setAppBadge?: (many: number) => Promise<void>; clearAppBadge?: () => Promise<void> };
  await (many > 0 ? icon.setAppBadge?.(many) : icon.clearAppBadge?.())?.catch(() => undefined);
}

self.addEventListener('push', (event) => {
  let said: unknown = null;
  try {
    said = event.data?.json();
  } catch {
    said = null;
  }
  const message = readPush(said);
  // A browser that is pushed to and shows nothing takes the permission away.
  event.waitUntil(show(message ?? { v: 1, title: 'Emberwatch', body: '', severity: 'warning', language: 'zh-CN', group: 'emberwatch', link: null, acknowledge_link: null }).then(badge));
});

async function open(message: PushMessage | null): Promise<void> {
  const place = placeOf(message?.link ?? null, self.location.origin);
  const windows = await self.clients.matchAll({ type: 'window', includeUncontrolled: true });
  for (const client of windows) {
    const moved = await client.navigate(place).catch(() => null);
    if (moved !== null) {
      await moved.focus();
      return;
    }
  }
  await self.clients.openWindow(place);
}

async function acknowledge(message: PushMessage): Promise<void> {
  const words = wordsOf(message.language);
  const place = placeOf(message.acknowledge_link, self.location.origin);
  const done = place.startsWith('/a/') && (await fetch(place, { method: 'POST', headers: { accept: 'application/json' } }).then((answer) => answer.ok, () => false));
  await self.registration.showNotification(done ? `${words.acknowledged}: ${message.title}` : words.failed, {
    body: done ? message.body : `${message.title}\n${message.body}`,
    lang: message.language,
    tag: message.group,
    icon: '/icons/icon-192.png',
    badge: '/icons/badge-96.png',
    silent: done,
    requireInteraction: !done,
    // What is acknowledged no longer counts; what is not can be tried again from the application.
    data: done ? { link: message.link } : message,
  });
}

self.addEventListener('notificationclick', (event) => {
  const message = readPush(event.notification.data);
  event.notification.close();
  const act = event.action === 'acknowledge' && message !== null ? acknowledge(message) : open(message);
  event.waitUntil(act.then(badge));
});
self.addEventListener('notificationclose', (event) => event.waitUntil(badge()));
