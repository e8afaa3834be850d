/** A second person at the same city, with an account and a browser of their own; and what their phone shows. */

import { createHmac } from 'node:crypto';
import type { APIRequestContext, Browser, BrowserContext, Page, TestInfo } from '@playwright/test';
import { expect, PASSWORD, read } from './city';

/** RFC 6238: SHA-1, 30 s, six digits. */
export function codeOf(base32: string, atMs: number): string {
  const bits = [...base32].map((letter) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(letter).toString(2).padStart(5, '0')).join('');
  const key = Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)));
  const step = Buffer.alloc(8);
  step.writeBigUInt64BE(BigInt(Math.floor(atMs / 30_000)));
  const hash = createHmac('sha1', key).update(step).digest();
  const offset = hash.readUInt8(hash.length - 1) & 15;
  return String((hash.readUInt32BE(offset) & 0x7fffffff) % 1_000_000).padStart(6, '0');
}

async function post<T>(request: APIRequestContext, token: string, path: string, data: object): Promise<T> {
  const said = await request.post(`/api/v1${path}`, { headers: { 'x-csrf-token': token }, data });
  const text = await said.text();
  expect(said.ok(), `${path}: ${text}`).toBe(true);
  return (text === '' ? undefined : JSON.parse(text)) as T;
}

export class Colleague {
  private constructor(
    private readonly context: BrowserContext,
    readonly page: Page,
    private token: string,
  ) {}

  /** Makes a safety manager as the signed-in administrator, and signs them in elsewhere. */
  static async join(administrator: Page, browser: Browser, info: TestInfo, login: string, name: string): Promise<Colleague> {
    const { csrf_token: token } = await read<{ csrf_token: string }>(administrator, '/session');
    const made = await post<{ one_time_password: string }>(administrator.request, token, '/users', { login, name, grants: [{ role: 'safety_manager', organisation_id: null, area_code: null }] });
    const once = made.one_time_password;
    const context = await browser.newContext({ baseURL: new URL(administrator.url()).origin, viewport: info.project.use.viewport ?? null, locale: 'zh-CN', timezoneId: 'Asia/Shanghai' });
    const first = await post<{ csrf_token: string }>(context.request, '', '/session', { login, password: once });
    await post(context.request, first.csrf_token, '/session/password', { old_password: once, new_password: PASSWORD });
    const session = await post<{ csrf_token: string }>(context.request, '', '/session', { login, password: PASSWORD });
    return new Colleague(context, await context.newPage(), session.csrf_token);
  }

  /** Sets one-time codes up with the code of this half minute; the next one is still good. */
  async takeCodes(): Promise<string> {
    const { secret } = await post<{ secret: string }>(this.context.request, this.token, '/session/one-time-codes', { password: PASSWORD });
    await post(this.context.request, this.token, '/session/one-time-codes/confirm', { one_time_code: codeOf(secret, Date.now()) });
    return secret;
  }

  async leave(): Promise<void> {
    await this.context.close();
  }
}
