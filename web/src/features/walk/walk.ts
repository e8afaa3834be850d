/**
 * Looking for the circuit that leaks: what the walk knows between two readings. Pure, and plain enough to be kept in the
 * browser, so that a page that was closed goes on where it was. What follows from the readings the server decides.
 */

export interface Seen {
  at: string;
  ma: number;
}

export interface Step {
  breaker: string;
  off_at: string;
  on_at: string | null;
  before: Seen[];
  after: Seen[];
}

export interface Walk {
  v: 1;
  channel: number;
  alarm: number | null;
  began_at: string;
  /** The breakers that were tried. */
  steps: Step[];
  /** Readings since something was last switched, oldest first. */
  fresh: Seen[];
  /** The breaker that is off and being watched. */
  current: Omit<Step, 'on_at'> | null;
  /** The breaker that was measured and whose fate is not yet told. */
  measured: boolean;
  /** What stands in the field. */
  typed: string;
}

/** Readings that are taken after each switching; the first may still have been measured before it and does not count. */
export const SETTLING = 1;
export const NEEDED = 2;
/** A value that still moves is waited for, but not for ever. */
export const MOST = 6;
/** Readings that a breaker is compared with, the newest before it. */
const BEFORE = 3;
/** The longest walk that the server takes is a day; one that was left open longer is not gone on with, ms. */
const OLD_MS = 20 * 3_600_000;
/** Smaller moves are at rest, mA; larger ones when they are less than a tenth of the value. */
const REST_MA = 5;

export function begin(channel: number, alarm: number | null, now: number): Walk {
  return { v: 1, channel, alarm, began_at: new Date(now).toISOString(), steps: [], fresh: [], current: null, measured: false, typed: '' };
}

export function median(values: readonly number[]): number | null {
  const sorted = [...values].sort((a, b) => a - b);
  const upper = sorted[Math.floor(sorted.length / 2)];
  if (upper === undefined) return null;
  if (sorted.length % 2 === 1) return upper;
  return (upper + (sorted[sorted.length / 2 - 1] ?? upper)) / 2;
}

export const middle = (seen: readonly Seen[]): number | null => median(seen.map((one) => one.ma));

/** Never before what was told last: the browser's clock is put right now and then. */
function moment(walk: Walk, now: number): string {
  const last = Math.max(Date.parse(walk.began_at), ...walk.steps.flatMap((step) => [Date.parse(step.off_at), step.on_at === null ? 0 : Date.parse(step.on_at)]), walk.current === null ? 0 : Date.parse(walk.current.off_at));
  return new Date(Math.max(now, last)).toISOString();
}

/** Readings that came, of which the settling ones do not count. */
function counting(seen: readonly Seen[]): readonly Seen[] {
  return seen.slice(SETTLING);
}

/** The readings after switching that tell: the newest, when the value had come to rest. */
export const after = (current: { after: readonly Seen[] }): Seen[] => counting(current.after).slice(-NEEDED);

function rests(seen: readonly Seen[]): boolean {
  const last = seen.slice(-NEEDED).map((one) => one.ma);
  const most = Math.max(...last);
  return most - Math.min(...last) <= Math.max(REST_MA, most / 10);
}

/** How many readings are still to come, at least; 0 when there are enough. */
export function toCome(seen: readonly Seen[]): number {
  const missing = SETTLING + NEEDED - seen.length;
  if (missing > 0) return missing;
  return rests(seen) || seen.length >= MOST ? 0 : 1;
}

/** More came than are needed, and the value still moves. */
export const moves = (seen: readonly Seen[]): boolean => seen.length >= SETTLING + NEEDED && toCome(seen) > 0;

/** A reading came. */
export function heard(walk: Walk, seen: Seen): Walk {
  const known = walk.current === null ? walk.fresh : walk.current.after;
  if (known.some((one) => one.at === seen.at)) return walk;
  if (walk.current !== null) {
    if (walk.measured) return walk;
    const more = [...walk.current.after, seen];
    return { ...walk, current: { ...walk.current, after: more }, measured: toCome(more) === 0 };
  }
  return { ...walk, fresh: [...walk.fresh, seen].slice(-MOST) };
}

/** A breaker was switched off just now. */
export function off(walk: Walk, now: number): Walk {
  return { ...walk, current: { breaker: walk.typed.trim(), off_at: moment(walk, now), before: counting(walk.fresh).slice(-BEFORE), after: [] }, measured: false, fresh: [], typed: '' };
}

/** It was not switched off after all: nothing was measured, the name stands in the field again. */
export function takeBack(walk: Walk): Walk {
  return walk.current === null ? walk : { ...walk, typed: walk.current.breaker, current: null, measured: false, fresh: [] };
}

/** The measured breaker is on again, or stays off; the next one may come. */
export function settle(walk: Walk, on: boolean, now: number): Walk {
  if (walk.current === null || !walk.measured) return walk;
  const step: Step = { ...walk.current, after: after(walk.current), on_at: on ? moment(walk, now) : null };
  // A breaker that stays off changes nothing: what was read after it is what the next one begins with.
  return { ...walk, steps: [...walk.steps, step], current: null, measured: false, fresh: on ? [] : [...walk.current.after] };
}

/** What is sent to be kept. */
export function report(walk: Walk, now: number) {
  return { channel_id: walk.channel, alarm_id: walk.alarm, began_at: walk.began_at, ended_at: moment(walk, now), steps: walk.steps };
}

/** How far apart readings come, ms; null while fewer than two are known. */
export function pace(seen: readonly Seen[]): number | null {
  const times = seen.map((one) => Date.parse(one.at));
  return median(times.slice(1).map((time, at) => time - (times[at] ?? time)));
}

const place = (detector: number): string => `emberwatch.walk.${detector}`;

/** The walk that was begun on this detector and not ended. */
export function kept(detector: number, now: number): Walk | null {
  try {
    const said = JSON.parse(localStorage.getItem(place(detector)) ?? 'null') as Walk | null;
    return said?.v === 1 && now - Date.parse(said.began_at) < OLD_MS ? said : null;
  } catch {
    return null;
  }
}

export function keep(detector: number, walk: Walk | null): void {
  try {
    if (walk === null) localStorage.removeItem(place(detector));
    else localStorage.setItem(place(detector), JSON.stringify(walk));
  } catch {
    // Without storage the walk lives as long as the page.
  }
}
