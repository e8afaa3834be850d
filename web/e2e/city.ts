/** What every test begins with: a running city, and a page that is signed in to it. */

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { type APIRequestContext, type BrowserContext, type Page, test as base, expect } from '@playwright/test';
import { Dtu } from './dtu';
import { Server } from './server';

export const PASSWORD = 'kupfer-regen-4711-leise';

export interface City {
  server: Server;
  /** A residual-current relay that the tests hold in their hand. */
  relay: Dtu;
  /** Whether the one-time password has been changed to `PASSWORD`. */
  opened: boolean;
}

const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** Signs in by the API, changing the one-time password where no test has done so yet. */
async function signIn(city: City, request: APIRequestContext): Promise<void> {
  const { url, login, oneTimePassword } = city.server;
  const said = await request.post(`${url}/api/v1/session`, { data: { login, password: city.opened ? PASSWORD : oneTimePassword } });
  expect(said.status(), await said.text()).toBe(201);
  if (city.opened) return;
  const session = (await said.json()) as { csrf_token: string };
  const changed = await request.post(`${url}/api/v1/session/password`, { headers: { 'x-csrf-token': session.csrf_token }, data: { old_password: oneTimePassword, new_password: PASSWORD } });
  expect(changed.status(), await changed.text()).toBe(204);
  city.opened = true;
  await request.post(`${url}/api/v1/session`, { data: { login, password: PASSWORD } });
}

/** Reads the API as the signed-in reader; for facts that a test needs, never in place of what it looks at. */
export async function read<T>(page: Page, path: string): Promise<T> {
  const said = await page.request.get(`/api/v1${path}`);
  expect(said.status(), `${path}: ${await said.text()}`).toBe(200);
  return (await said.json()) as T;
}

interface Finding {
  rule: string;
  where: string[];
}

/** Serious and critical findings of axe-core on the page as it stands; `only` names rules when the rest has been run. */
export async function axe(page: Page, only?: readonly string[]): Promise<Finding[]> {
  if (!(await page.evaluate(() => 'axe' in window))) await page.evaluate(axeSource);
  return page.evaluate(async (rules) => {
    interface Result {
      violations: { id: string; impact: string | null; nodes: { target: unknown[]; any: { message: string }[] }[] }[];
    }
    const runner = (window as unknown as { axe: { run: (context: object, options: object) => Promise<Result> } }).axe;
    // The ninth row of a list is made of the same parts as the eight before it.
    const { violations } = await runner.run({ exclude: [['[data-row]:nth-child(n+9)']] }, { resultTypes: ['violations'], ...(rules === undefined ? {} : { runOnly: { type: 'rule', values: rules } }) });
    return violations
      .filter((violation) => violation.impact === 'serious' || violation.impact === 'critical')
      .map((violation) => ({ rule: violation.id, where: violation.nodes.slice(0, 5).map((node) => `${node.target.join(' ')} ${node.any[0]?.message ?? ''}`) }));
  }, only);
}

/** Nothing is still being loaded. */
export async function settled(page: Page): Promise<void> {
  await expect(page.locator('.bones')).toHaveCount(0);
  await expect(page.locator('h1').first()).toBeVisible();
}

export const test = base.extend<{ signedIn: Page; at: (path: string) => Promise<Page> }, { city: City }>({
  city: [
    async ({}, use) => {
      const server = await Server.start('demo');
      const relay = new Dtu(server.fieldPort, 'E2E-RELAY-01');
      relay.registers.set(0x0000, 64);
      await use({ server, relay, opened: false });
      relay.stop();
      await server.stop();
    },
    { scope: 'worker', timeout: 120_000 },
  ],
  baseURL: async ({ city }, use) => {
    await use(city.server.url);
  },
  signedIn: async ({ page, city, context }: { page: Page; city: City; context: BrowserContext }, use) => {
    await signIn(city, context.request);
    await use(page);
  },
  at: async ({ signedIn }, use) => {
    await use(async (path) => {
      await signedIn.goto(path);
      await settled(signedIn);
      return signedIn;
    });
  },
});

export { expect };
