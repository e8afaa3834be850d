/** Times of day as a form has them (`18:30`) and as the server has them (minutes after midnight). */

export const DAYS = [1, 2, 3, 4, 5, 6, 7] as const;

export function clockOf(minutes: number): string {
  const of = (n: number): string => String(n).padStart(2, '0');
  return minutes === 1440 ? '24:00' : `${of(Math.floor(minutes / 60))}:${of(minutes % 60)}`;
}

/** Minutes after midnight; null for what is no time of day. */
export function minutesOf(clock: string): number | null {
  const said = /^(\d{1,2}):(\d{2})$/.exec(clock.trim());
  if (said === null) return null;
  const minutes = Number(said[1]) * 60 + Number(said[2]);
  return Number(said[2]) < 60 && minutes <= 1440 ? minutes : null;
}

/** Days as people say them: `周一至周五`, `周六、周日`, `每天`. */
export function daysWords(days: readonly number[], t: (key: string, named?: Record<string, unknown>) => string): string {
  const sorted = [...new Set(days)].sort((a, b) => a - b);
  if (sorted.length === 0 || sorted.length === 7) return t('telling.every_day');
  const first = sorted[0] ?? 1;
  const last = sorted.at(-1) ?? 1;
  if (sorted.length > 2 && last - first === sorted.length - 1) return t('telling.day_to_day', { from: t(`telling.day.${first}`), to: t(`telling.day.${last}`) });
  return sorted.map((day) => t(`telling.day.${day}`)).join(t('common.list_gap'));
}

export interface SpanTyped { days: number[]; from: string; until: string }
interface Span { days?: number[]; from_min: number; until_min: number }

/** Spans as a form has them. The end of a day is the beginning of the next, since a picker of times knows no 24:00. */
export function typedSpans(spans: readonly Span[]): SpanTyped[] {
  return spans.map((span) => ({ days: [...(span.days ?? [])], from: clockOf(span.from_min), until: clockOf(span.until_min % 1440) }));
}

/** The same as the server takes them; null where a time is missing. */
export function spansOf(typed: readonly SpanTyped[]): { days: number[]; from_min: number; until_min: number }[] | null {
  const spans = typed.map((span) => ({ days: span.days.length === 7 ? [] : span.days, from_min: minutesOf(span.from), until_min: minutesOf(span.until) }));
  return spans.every((span): span is { days: number[]; from_min: number; until_min: number } => span.from_min !== null && span.until_min !== null) ? spans : null;
}

/** A span in words: `周一至周五 18:00–08:00`. */
export function spanWords(span: Span, t: (key: string, named?: Record<string, unknown>) => string): string {
  return `${daysWords(span.days ?? [], t)} ${clockOf(span.from_min)}–${clockOf(span.until_min)}`;
}
