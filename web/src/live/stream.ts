/**
 * The live stream: one EventSource that heals itself. It resumes with the last id it saw, so that nothing is lost in
 * between; a server that cannot resume says `gap`, and everything is fetched anew. Silence of the stream itself is
 * noticed too: the server pings every 10 s, so 25 s without a word mean a dead line.
 */

import type { LiveEvents } from '@/api/types';

export type StreamState = 'idle' | 'connecting' | 'live' | 'lost';
export type LiveEventName = keyof LiveEvents;

const NAMES: readonly LiveEventName[] = ['hello', 'gap', 'alarm', 'values', 'status', 'terminal', 'command', 'pending', 'changed', 'import', 'storage', 'ping'];
const SILENCE_MS = 25_000;
const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 10_000;

/** The part of EventSource that is used, so that a test can stand in for it. */
export interface Source {
  addEventListener(name: string, listener: (event: MessageEvent<string>) => void): void;
  close(): void;
  onerror: ((event: Event) => void) | null;
}

export interface StreamHooks {
  open: (address: string) => Source;
  state: (state: StreamState) => void;
  event: <N extends LiveEventName>(name: N, data: LiveEvents[N]) => void;
}

export class LiveStream {
  private source: Source | null = null;
  private lastId = '';
  private retryMs = FIRST_RETRY_MS;
  private retryTimer: ReturnType<typeof setTimeout> | undefined;
  private silenceTimer: ReturnType<typeof setTimeout> | undefined;
  private detectors: readonly number[] = [];
  private running = false;

  constructor(
    private readonly address: string,
    private readonly hooks: StreamHooks,
  ) {}

  start(): void {
    if (this.running) return;
    this.running = true;
    this.hooks.state('connecting');
    this.connect();
  }

  stop(): void {
    this.running = false;
    this.drop();
    this.lastId = '';
    this.hooks.state('idle');
  }

  /** Which detectors' values are wanted; reconnects where it left off when that changes. */
  watch(detectors: readonly number[]): void {
    const next = [...new Set(detectors)].sort((a, b) => a - b);
    if (next.join() === this.detectors.join()) return;
    this.detectors = next;
    if (this.running) this.connect();
  }

  /** Try now rather than at the next turn: the network is back, or the reader says so. */
  hurry(): void {
    if (this.running && this.source === null) this.connect();
  }

  /** The network is gone: no need to wait for silence to prove it. */
  lose(): void {
    if (this.running) this.lost();
  }

  private connect(): void {
    this.drop();
    const query = new URLSearchParams();
    if (this.lastId !== '') query.set('last_event_id', this.lastId);
    if (this.detectors.length > 0) query.set('detector', this.detectors.join(','));
    const said = query.toString();
    const source = this.hooks.open(said === '' ? this.address : `${this.address}?${said}`);
    this.source = source;
    source.onerror = () => {
      if (this.source === source) this.lost();
    };
    for (const name of NAMES) {
      source.addEventListener(name, (event) => {
        if (this.source === source) this.heard(name, event);
      });
    }
    this.expect();
  }

  private heard(name: LiveEventName, event: MessageEvent<string>): void {
    if (event.lastEventId !== '') this.lastId = event.lastEventId;
    this.retryMs = FIRST_RETRY_MS;
    this.expect();
    this.hooks.state('live');
    let data: LiveEvents[typeof name];
    try {
      data = JSON.parse(event.data) as LiveEvents[typeof name];
    } catch {
      // Half an event is as good as a gap.
      this.hooks.event('gap', { reason: 'unreadable event' });
      return;
    }
    this.hooks.event(name, data);
  }

  private lost(): void {
    this.drop();
    this.hooks.state('lost');
    this.retryTimer = setTimeout(() => this.connect(), this.retryMs);
    this.retryMs = Math.min(this.retryMs * 2, LAST_RETRY_MS);
  }

  private expect(): void {
    clearTimeout(this.silenceTimer);
    this.silenceTimer = setTimeout(() => this.lost(), SILENCE_MS);
  }

  private drop(): void {
    clearTimeout(this.retryTimer);
    clearTimeout(this.silenceTimer);
    if (this.source !== null) {
      this.source.onerror = null;
      this.source.close();
      this.source = null;
    }
  }
}
