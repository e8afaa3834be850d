/** Times and durations as people read them: in the site's zone, with the zone said when it is not the reader's. */

import { computed, type ComputedRef } from 'vue';
import { language, useI18n } from '@/app/i18n';
import { serverZone } from '@/features/session/session';
import { nowMs } from './clock';

export type TimeStyle = 'full' | 'short' | 'clock' | 'day';

const STYLES: Record<TimeStyle, Intl.DateTimeFormatOptions> = {
  full: { year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit', second: '2-digit', hour12: false },
  short: { month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit', hour12: false },
  clock: { hour: '2-digit', minute: '2-digit', second: '2-digit', hour12: false },
  day: { year: 'numeric', month: '2-digit', day: '2-digit' },
};

/** `sv` writes 2026-11-24 10:00:00 in every language of ours: the form the trade uses in China and abroad alike. */
const formats = new Map<string, Intl.DateTimeFormat>();
function format(zone: string, style: TimeStyle): Intl.DateTimeFormat {
  const key = `${zone}/${style}`;
  let made = formats.get(key);
  if (made === undefined) {
    made = new Intl.DateTimeFormat('sv', { ...STYLES[style], timeZone: zone });
    formats.set(key, made);
  }
  return made;
}

/** Without the year `sv` turns day and month round; all our forms have the month first. */
function written(ms: number, zone: string, style: TimeStyle): string {
  const said = format(zone, style).format(ms);
  return style === 'short' ? said.replace(/^(\d+)\/(\d+)/, (_all, day: string, month: string) => `${month.padStart(2, '0')}-${day.padStart(2, '0')}`) : said;
}

export const readerZone = Intl.DateTimeFormat().resolvedOptions().timeZone;

/** To make a format takes a thousand times as long as to use it. */
const offsets = new Map<string, Intl.DateTimeFormat>();

/** Offset of a zone at a moment, in minutes east of UTC. */
export function offsetMinutes(zone: string, atMs: number): number {
  let made = offsets.get(zone);
  if (made === undefined) {
    made = new Intl.DateTimeFormat('en', { timeZone: zone, timeZoneName: 'longOffset' });
    offsets.set(zone, made);
  }
  const parts = made.formatToParts(atMs);
  const said = /GMT(?:([+-])(\d{2}):(\d{2}))?/.exec(parts.find((part) => part.type === 'timeZoneName')?.value ?? '');
  if (said?.[1] === undefined) return 0;
  return (said[1] === '-' ? -1 : 1) * (Number(said[2]) * 60 + Number(said[3]));
}

export function zoneName(zone: string, atMs: number): string {
  const minutes = offsetMinutes(zone, atMs);
  const hours = Math.trunc(Math.abs(minutes) / 60);
  const rest = Math.abs(minutes) % 60;
  return `UTC${minutes < 0 ? '−' : '+'}${hours}${rest === 0 ? '' : `:${String(rest).padStart(2, '0')}`}`;
}

/** A moment in a zone; the zone's name follows when its clock differs from the reader's. */
export function timeIn(at: string | number, zone: string, style: TimeStyle = 'full'): string {
  const ms = typeof at === 'number' ? at : Date.parse(at);
  if (!Number.isFinite(ms)) return '—';
  const said = written(ms, zone, style);
  return style !== 'day' && offsetMinutes(zone, ms) !== offsetMinutes(readerZone, ms) ? `${said} ${zoneName(zone, ms)}` : said;
}

/** The same without the zone, for axes and dense columns whose heading names it. */
export function timeBare(at: string | number, zone: string, style: TimeStyle = 'full'): string {
  const ms = typeof at === 'number' ? at : Date.parse(at);
  return Number.isFinite(ms) ? written(ms, zone, style) : '—';
}

/** First moment of a day (`2026-11-24`) in a zone, RFC 3339; '' for no day. */
export function dayStart(day: string, zone: string): string {
  const asUtc = Date.parse(`${day}T00:00:00Z`);
  return Number.isFinite(asUtc) ? new Date(asUtc - offsetMinutes(zone, asUtc) * 60_000).toISOString() : '';
}

/** Last moment of a day in a zone. */
export function dayEnd(day: string, zone: string): string {
  const asUtc = Date.parse(`${day}T23:59:59.999Z`);
  return Number.isFinite(asUtc) ? new Date(asUtc - offsetMinutes(zone, asUtc) * 60_000).toISOString() : '';
}

export interface TimeWords {
  at: (at: string | null | undefined, style?: TimeStyle, zone?: string | null) => string;
  bare: (at: string | null | undefined, style?: TimeStyle, zone?: string | null) => string;
  age: (at: string | null | undefined) => string;
  lasting: (seconds: number) => string;
  since: (at: string) => string;
  zone: ComputedRef<string>;
}

/** Time words in the reader's language; `age` and `since` tick by themselves when used in a template. */
export function useTime(): TimeWords {
  const { t } = useI18n();

  function lasting(seconds: number): string {
    const s = Math.max(0, Math.round(seconds));
    if (s < 60) return t('common.for_seconds', { n: s }, s);
    const minutes = Math.floor(s / 60);
    if (minutes < 60) return t('common.for_minutes', { n: minutes }, minutes);
    const hours = Math.floor(minutes / 60);
    if (hours < 48) return t('common.for_hours_minutes', { h: hours, m: minutes % 60 });
    const days = Math.floor(hours / 24);
    return t('common.for_days', { n: days }, days);
  }

  function age(at: string | null | undefined): string {
    if (at === null || at === undefined) return t('common.never');
    const s = Math.round((nowMs.value - Date.parse(at)) / 1000);
    if (s < -5) return t('common.in_future');
    if (s < 5) return t('common.just_now');
    if (s < 60) return t('common.seconds_ago', { n: s }, s);
    const minutes = Math.floor(s / 60);
    if (minutes < 60) return t('common.minutes_ago', { n: minutes }, minutes);
    const hours = Math.floor(minutes / 60);
    if (hours < 48) return t('common.hours_ago', { n: hours }, hours);
    const days = Math.floor(hours / 24);
    return t('common.days_ago', { n: days }, days);
  }

  return {
    at: (at, style = 'full', zone) => (at === null || at === undefined ? '—' : timeIn(at, zone ?? serverZone.value, style)),
    bare: (at, style = 'full', zone) => (at === null || at === undefined ? '—' : timeBare(at, zone ?? serverZone.value, style)),
    age,
    lasting,
    since: (at) => lasting((nowMs.value - Date.parse(at)) / 1000),
    zone: computed(() => serverZone.value),
  };
}

const numbers = new Map<string, Intl.NumberFormat>();

/** The language for numbers that the browser groups. */
export function grouped(value: number): string {
  let made = numbers.get(language.value);
  if (made === undefined) {
    made = new Intl.NumberFormat(language.value);
    numbers.set(language.value, made);
  }
  return made.format(value);
}
