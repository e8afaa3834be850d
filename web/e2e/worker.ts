/** The page's service worker, and what it shows. */

import type { BrowserContext, CDPSession, Page } from '@playwright/test';

/** The page once its worker holds it. */
export async function held(page: Page): Promise<void> {
  await page.waitForFunction(() => navigator.serviceWorker.controller !== null);
}

/** Hands `data` to the page's worker as a push service would. */
export async function deliver(context: BrowserContext, page: Page, data: object): Promise<void> {
  const cdp: CDPSession = await context.newCDPSession(page);
  const registered = new Promise<string>((found) => {
    cdp.on('ServiceWorker.workerRegistrationUpdated', ({ registrations }) => {
      const own = registrations.find((one) => !one.isDeleted);
      if (own !== undefined) found(own.registrationId);
    });
  });
  await cdp.send('ServiceWorker.enable');
  await cdp.send('ServiceWorker.deliverPushMessage', { origin: new URL(page.url()).origin, registrationId: await registered, data: JSON.stringify(data) });
  await cdp.detach();
}

export interface Shown {
  title: string;
  body: string;
  tag: string;
  requireInteraction: boolean;
  actions: string[];
}

export const shown = (page: Page): Promise<Shown[]> =>
  page.evaluate(async () => {
    const registration = await navigator.serviceWorker.ready;
    const all = (await registration.getNotifications()) as (Notification & { actions?: { action: string }[] })[];
    return all.map((one) => ({ title: one.title, body: one.body, tag: one.tag, requireInteraction: one.requireInteraction, actions: (one.actions ?? []).map((act) => act.action) }));
  });
