import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

/** An audio device that counts tones instead of sounding. */
let tones = 0;
let state: AudioContextState = 'running';
class FakeAudio {
  currentTime = 0;
  destination = {};
  get state(): AudioContextState {
    return state;
  }
  resume = (): Promise<void> => Promise.resolve();
  createOscillator() {
    tones += 1;
    return { frequency: { value: 0 }, type: '', connect: (next: unknown) => next, start: () => undefined, stop: () => undefined };
  }
  createGain() {
    return { gain: { setValueAtTime: () => undefined, linearRampToValueAtTime: () => undefined }, connect: (next: unknown) => next };
  }
}

describe('alarm sound', () => {
  let sound: typeof import('./sound');
  beforeEach(async () => {
    vi.useFakeTimers();
    vi.resetModules();
    vi.stubGlobal('AudioContext', FakeAudio);
    localStorage.clear();
    tones = 0;
    state = 'running';
    sound = await import('./sound');
  });
  afterEach(() => {
    sound.callFor(null);
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  it('repeats until nothing waits any more', () => {
    sound.callFor('alarm');
    expect(tones).toBe(4);
    vi.advanceTimersByTime(3000);
    expect(tones).toBe(8);
    sound.callFor(null);
    vi.advanceTimersByTime(60_000);
    expect(tones).toBe(8);
  });

  it('has a pattern of its own for each severity', () => {
    sound.callFor('warning');
    expect(tones).toBe(2);
    vi.advanceTimersByTime(7999);
    expect(tones).toBe(2);
    vi.advanceTimersByTime(1);
    expect(tones).toBe(4);
  });

  it('is muted until a new alarm comes', () => {
    sound.callFor('alarm');
    sound.mute();
    vi.advanceTimersByTime(30_000);
    expect(tones).toBe(4);
    sound.rearm();
    expect(tones).toBe(8);
    expect(sound.soundMuted.value).toBe(false);
  });

  it('says when the browser keeps it quiet', () => {
    state = 'suspended';
    sound.callFor('alarm');
    expect(tones).toBe(0);
    expect(sound.soundBlocked.value).toBe(true);
  });

  it('stays off where it was turned off', async () => {
    sound.setSound(false);
    sound.callFor('alarm');
    expect(tones).toBe(0);
    vi.resetModules();
    const later = await import('./sound');
    expect(later.soundWanted.value).toBe(false);
  });
});
