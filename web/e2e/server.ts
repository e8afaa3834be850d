/** The real server, started as an operator starts it; what it prints is all that is known of it. */

import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const HERE = dirname(fileURLToPath(import.meta.url));
const BINARY = process.env['EMBERWATCH_BIN'] ?? resolve(HERE, '../../target/debug/emberwatch');
/** Enough for every page and every kind of fault; leaves the cores to the browser. */
const DETECTORS = 150;
const READY_WITHIN_MS = 90_000;
const STOP_WITHIN_MS = 10_000;

async function freePort(): Promise<number> {
  return new Promise((found, failed) => {
    const probe = createServer();
    probe.once('error', failed);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      probe.close(() => found(port));
    });
  });
}

export class Server {
  /** Login and one-time password of the first account, as printed at the first start of a demo. */
  login = '';
  oneTimePassword = '';
  /** Printed by an empty server; proves who deployed it. */
  setupCode = '';
  private process: ChildProcess | null = null;
  private said = '';

  private constructor(
    private readonly command: 'demo' | 'serve',
    private readonly folder: string,
    private readonly httpPort: number,
    /** Where devices dial in. */
    readonly fieldPort: number,
  ) {}

  get url(): string {
    return `http://127.0.0.1:${this.httpPort}`;
  }

  static async start(command: 'demo' | 'serve'): Promise<Server> {
    if (!existsSync(BINARY)) throw new Error(`no server at ${BINARY}: build it first (cargo build -p app), or name another in EMBERWATCH_BIN`);
    const server = new Server(command, mkdtempSync(join(tmpdir(), 'emberwatch-e2e-')), await freePort(), await freePort());
    await server.start();
    return server;
  }

  /** Starts it, or starts it again on the same folder and ports. */
  async start(): Promise<void> {
    const size = this.command === 'demo' ? ['--detectors', String(DETECTORS)] : [];
    const child = spawn(BINARY, [this.command, ...size, '--set', `data.dir=${this.folder}`, '--set', `http.listen=127.0.0.1:${this.httpPort}`, '--set', `http.public_url=${this.url}`, '--set', 'telling.local_addresses=true', '--set', `field.listen=127.0.0.1:${this.fieldPort}`, '--set', 'gb26875.listen=127.0.0.1:0', '--set', 'mqtt.listen=127.0.0.1:0', '--set', 'ingest.listen=127.0.0.1:0', '--set', 'coap.listen=127.0.0.1:0', '--set', 'coaps.listen=127.0.0.1:0'], { stdio: ['ignore', 'pipe', 'pipe'] });
    this.process = child;
    this.said = '';
    await new Promise<void>((ready, failed) => {
      const late = setTimeout(() => failed(new Error(`the server was not ready within ${READY_WITHIN_MS} ms; it said:\n${this.said}`)), READY_WITHIN_MS);
      const hear = (part: Buffer): void => {
        this.said += part.toString();
        if (!/^ready:/m.test(this.said)) return;
        clearTimeout(late);
        ready();
      };
      child.stdout.on('data', hear);
      child.stderr.on('data', hear);
      child.once('exit', (code) => {
        clearTimeout(late);
        failed(new Error(`the server ended with ${code}; it said:\n${this.said}`));
      });
    });
    this.login = this.line('account') ?? this.login;
    this.oneTimePassword = this.line('one-time password') ?? this.oneTimePassword;
    this.setupCode = this.line('setup code') ?? this.setupCode;
  }

  /** The value of a line such as `account:  admin`. */
  private line(name: string): string | null {
    return new RegExp(`^\\s*${name}:\\s*(\\S+)`, 'im').exec(this.said)?.[1] ?? null;
  }

  /** Dies as a machine dies: at once and without a word. */
  async kill(): Promise<void> {
    await this.end('SIGKILL');
  }

  async stop(): Promise<void> {
    await this.end('SIGTERM');
    rmSync(this.folder, { recursive: true, force: true });
  }

  private async end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const child = this.process;
    this.process = null;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    await new Promise<void>((ended) => {
      const hard = setTimeout(() => child.kill('SIGKILL'), STOP_WITHIN_MS);
      child.once('exit', () => {
        clearTimeout(hard);
        ended();
      });
      child.kill(signal);
    });
  }
}
