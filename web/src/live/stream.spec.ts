import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { LiveStream, type Source, type StreamState } from './stream';

class FakeSource implements Source {
  onerror: ((event: Event) => void) | null = null;
  closed = false;
  private readonly listeners = new Map<string, (event: MessageEvent<string>) => void>();
  constructor(readonly address: string) {}
  addEventListener(name: string, listener: (event: MessageEvent<string>) => void): void {
    this.listeners.set(name, listener);
  }
  close(): void {
    this.closed = true;
  }
  say(name: string, id: string, data: unknown): void {
    this.listeners.get(name)?.(new MessageEvent(name, { data: typeof data === 'string' ? data : JSON.stringify(data), lastEventId: id }));
  }
}

describe('live stream', () => {
  let sources: FakeSource[];
  let states: StreamState[];
  let events: string[];
  let stream: LiveStream;
  const last = (): FakeSource => sources[sources.length - 1] as FakeSource;

  beforeEach(() => {
    vi.useFakeTimers();
    sources = [];
    states = [];
    events = [];
    stream = new LiveStream('/live', {
      open: (address) => {
        const source = new FakeSource(address);
        sources.push(source);
        return source;
      },
      state: (state) => {
        if (states[states.length - 1] !== state) states.push(state);
      },
      event: (name) => events.push(name),
    });
    stream.start();
  });
  afterEach(() => {
    stream.stop();
    vi.useRealTimers();
  });

  it('is live from the first word on', () => {
    last().say('hello', 'b-1', {});
    expect(states).toEqual(['connecting', 'live']);
    expect(events).toEqual(['hello']);
  });

  it('resumes with the last id after an error, slower each time', () => {
    last().say('hello', 'b-1', {});
    last().say('alarm', 'b-7', {});
    last().onerror?.(new Event('error'));
    expect(states).toEqual(['connecting', 'live', 'lost']);
    vi.advanceTimersByTime(500);
    expect(last().address).toBe('/live?last_event_id=b-7');
    last().onerror?.(new Event('error'));
    vi.advanceTimersByTime(500);
    expect(sources).toHaveLength(2);
    vi.advanceTimersByTime(500);
    expect(sources).toHaveLength(3);
    last().say('ping', '', { server_now: '' });
    expect(states.at(-1)).toBe('live');
  });

  it('takes silence for a lost line', () => {
    last().say('hello', 'b-1', {});
    vi.advanceTimersByTime(24_000);
    expect(states.at(-1)).toBe('live');
    vi.advanceTimersByTime(1_000);
    expect(states.at(-1)).toBe('lost');
    expect(sources[0]?.closed).toBe(true);
  });

  it('asks for the values of the watched detectors without losing its place', () => {
    last().say('hello', 'b-3', {});
    stream.watch([9, 4, 9]);
    expect(last().address).toBe('/live?last_event_id=b-3&detector=4%2C9');
    stream.watch([4, 9]);
    expect(sources).toHaveLength(2);
  });

  it('treats an unreadable event as a gap', () => {
    last().say('alarm', 'b-2', '{"half":');
    expect(events).toEqual(['gap']);
  });

  it('stays stopped', () => {
    stream.stop();
    vi.advanceTimersByTime(60_000);
    expect(sources).toHaveLength(1);
    expect(states.at(-1)).toBe('idle');
  });
});
