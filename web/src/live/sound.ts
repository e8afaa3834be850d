/** Alarm sound made in the browser: a pattern per severity, repeated until someone acknowledges. */

import { computed, ref } from 'vue';
import type { Severity } from '@/api/types';

const KEY = 'emberwatch.sound';

/** [frequency in Hz, start in s, length in s] of each tone, and how often the pattern comes again, in s. */
const PATTERNS: Record<Severity, { tones: readonly [number, number, number][]; everyS: number; gain: number }> = {
  alarm: { tones: [[880, 0, 0.18], [660, 0.22, 0.18], [880, 0.44, 0.18], [660, 0.66, 0.18]], everyS: 3, gain: 0.22 },
  warning: { tones: [[620, 0, 0.16], [620, 0.28, 0.16]], everyS: 8, gain: 0.14 },
  fault: { tones: [[440, 0, 0.22]], everyS: 30, gain: 0.1 },
};

const wanted = ref(localStorage.getItem(KEY) !== 'off');
const muted = ref(false);
const blocked = ref(false);
const calling = ref<Severity | null>(null);

export const soundWanted = computed(() => wanted.value);
export const soundMuted = computed(() => muted.value);
export const soundBlocked = computed(() => blocked.value && wanted.value);
/** Something waits for acknowledgement, so that there is a sound to mute. */
export const soundCalling = computed(() => calling.value !== null);

let context: AudioContext | null = null;
let timer: ReturnType<typeof setInterval> | undefined;
let asking: ReturnType<typeof setTimeout> | undefined;

function audible(): AudioContext {
  context ??= new AudioContext();
  return context;
}

/** Most browsers let nobody be heard who was not touched yet. Those that do are asked once the page stands, ms. */
const ASK_AFTER_MS = 5000;
const untouched = (): boolean => context === null && 'userActivation' in navigator && !navigator.userActivation.hasBeenActive && performance.now() < ASK_AFTER_MS;

function play(severity: Severity): void {
  if (untouched()) {
    // To open the way to the loudspeaker takes a phone half a second that the page needs for itself.
    blocked.value = true;
    clearTimeout(asking);
    asking = setTimeout(apply, ASK_AFTER_MS);
    return;
  }
  const audio = audible();
  if (audio.state !== 'running') {
    // Browsers keep quiet until the reader has touched the page once; say so instead of failing in silence.
    blocked.value = true;
    void audio.resume().then(() => (blocked.value = audio.state !== 'running'));
    return;
  }
  blocked.value = false;
  const { tones, gain } = PATTERNS[severity];
  for (const [frequency, start, length] of tones) {
    const from = audio.currentTime + start;
    const tone = audio.createOscillator();
    const loudness = audio.createGain();
    tone.frequency.value = frequency;
    tone.type = 'triangle';
    loudness.gain.setValueAtTime(0, from);
    loudness.gain.linearRampToValueAtTime(gain, from + 0.02);
    loudness.gain.setValueAtTime(gain, from + length - 0.04);
    loudness.gain.linearRampToValueAtTime(0, from + length);
    tone.connect(loudness).connect(audio.destination);
    tone.start(from);
    tone.stop(from + length);
  }
}

function apply(): void {
  clearInterval(timer);
  timer = undefined;
  const severity = calling.value;
  if (severity === null || muted.value || !wanted.value) return;
  play(severity);
  timer = setInterval(() => play(severity), PATTERNS[severity].everyS * 1000);
}

/** The worst severity that waits for acknowledgement, or null for quiet. */
export function callFor(severity: Severity | null): void {
  if (severity === calling.value) return;
  calling.value = severity;
  if (severity === null) muted.value = false;
  apply();
}

/** A new alarm ends the mute: what was muted was the old one. */
export function rearm(): void {
  if (!muted.value) return;
  muted.value = false;
  apply();
}

export function mute(): void {
  muted.value = true;
  apply();
}

export function setSound(on: boolean): void {
  wanted.value = on;
  localStorage.setItem(KEY, on ? 'on' : 'off');
  apply();
}

/** Called from a click: only then may the browser make a sound. */
export async function unlockSound(): Promise<void> {
  await audible().resume();
  blocked.value = audible().state !== 'running';
  apply();
}
