/** A push service as a browser's maker runs one: takes encrypted messages for one subscription, checks who sends them (RFC 8030, 8291, 8292). */

import { createDecipheriv, createECDH, createPublicKey, hkdfSync, randomBytes, verify } from 'node:crypto';
import { createServer, type Server as HttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Page } from '@playwright/test';

export interface Pushed {
  title: string;
  link: string | null;
  acknowledge_link: string | null;
}

const hkdf = (salt: Buffer, key: Buffer, info: string | Buffer, length: number): Buffer => Buffer.from(hkdfSync('sha256', key, salt, info, length));

export class PushService {
  readonly taken: Pushed[] = [];
  /** Why a message was refused; empty when all is well. */
  readonly refused: string[] = [];
  private readonly browser = createECDH('prime256v1');
  private readonly auth = randomBytes(16);
  private http: HttpServer | null = null;

  async start(): Promise<void> {
    this.browser.generateKeys();
    const http = createServer((request, answer) => {
      const parts: Buffer[] = [];
      request.on('data', (part: Buffer) => parts.push(part));
      request.on('end', () => {
        try {
          this.checkSender(request.headers.authorization ?? '');
          this.taken.push(JSON.parse(this.opened(Buffer.concat(parts)).toString('utf8')) as Pushed);
          answer.writeHead(201).end();
        } catch (error) {
          this.refused.push(String(error));
          answer.writeHead(403).end();
        }
      });
    });
    await new Promise<void>((ready) => http.listen(0, '127.0.0.1', ready));
    this.http = http;
  }

  private get origin(): string {
    return `http://127.0.0.1:${(this.http?.address() as AddressInfo).port}`;
  }

  /** The sender proves the key that the browser subscribed with. */
  private checkSender(authorization: string): void {
    const [, token = '', key = ''] = /^vapid t=([^,]+),\s*k=(\S+)$/.exec(authorization) ?? [];
    const [head = '', claims = '', signature = ''] = token.split('.');
    const point = Buffer.from(key, 'base64url');
    if (point.length !== 65) throw new Error(`no key in ${authorization}`);
    const publicKey = createPublicKey({ format: 'jwk', key: { kty: 'EC', crv: 'P-256', x: point.subarray(1, 33).toString('base64url'), y: point.subarray(33).toString('base64url') } });
    if (!verify('sha256', Buffer.from(`${head}.${claims}`), { key: publicKey, dsaEncoding: 'ieee-p1363' }, Buffer.from(signature, 'base64url'))) throw new Error('the signature is wrong');
    const said = JSON.parse(Buffer.from(claims, 'base64url').toString()) as { aud: string; exp: number };
    if (said.aud !== this.origin || said.exp * 1000 < Date.now()) throw new Error(`the claims are wrong: ${JSON.stringify(said)}`);
  }

  /** One record of `aes128gcm` (RFC 8188). */
  private opened(body: Buffer): Buffer {
    const salt = body.subarray(0, 16);
    const length = body.readUInt8(20);
    const sender = body.subarray(21, 21 + length);
    const secret = hkdf(this.auth, this.browser.computeSecret(sender), Buffer.concat([Buffer.from('WebPush: info\0'), this.browser.getPublicKey(), sender]), 32);
    const cipher = createDecipheriv('aes-128-gcm', hkdf(salt, secret, 'Content-Encoding: aes128gcm\0', 16), hkdf(salt, secret, 'Content-Encoding: nonce\0', 12));
    const sealed = body.subarray(21 + length);
    cipher.setAuthTag(sealed.subarray(-16));
    const padded = Buffer.concat([cipher.update(sealed.subarray(0, -16)), cipher.final()]);
    return padded.subarray(0, padded.lastIndexOf(2));
  }

  /** Makes `page` subscribe here: the real services are out of a test's reach. */
  async serve(page: Page): Promise<void> {
    const said = { endpoint: `${this.origin}/browser`, keys: { p256dh: this.browser.getPublicKey('base64url'), auth: this.auth.toString('base64url') } };
    await page.addInitScript((held) => {
      const subscription = { ...held, toJSON: () => held, unsubscribe: () => (localStorage.removeItem('subscribed'), Promise.resolve(true)) } as unknown as PushSubscription;
      PushManager.prototype.getSubscription = () => Promise.resolve(localStorage.getItem('subscribed') === null ? null : subscription);
      PushManager.prototype.subscribe = () => (localStorage.setItem('subscribed', '1'), Promise.resolve(subscription));
    }, said);
  }

  stop(): void {
    this.http?.close();
  }
}
