/** Time windows of the curves: hour to year, moved and zoomed. */

export const RANGES = ['hour', 'day', 'week', 'month', 'year'] as const;
export type Range = (typeof RANGES)[number];

const LENGTH_MS: Record<Range, number> = {
  hour: 3_600_000,
  day: 86_400_000,
  week: 7 * 86_400_000,
  month: 30 * 86_400_000,
  year: 365 * 86_400_000,
};

/** How often a window that ends now is asked for again. */
const EVERY_MS: Record<Range, number> = { hour: 10_000, day: 30_000, week: 60_000, month: 300_000, year: 600_000 };
const SHORTEST_MS = 60_000;
const LONGEST_MS = 5 * LENGTH_MS.year;

export interface Span {
  from: number;
  to: number;
}

export const isRange = (said: string): said is Range => (RANGES as readonly string[]).includes(said);
export const rangeOf = (said: string): Range => (isRange(said) ? said : 'hour');
export const everyMsOf = (range: Range): number => EVERY_MS[range];

/** The window that the address asks for: fixed when it names both ends, else the last hour, day ... until now. */
export function spanOf(range: string, from: string, to: string, now: number): Span & { fixed: boolean } {
  const start = Date.parse(from);
  const end = Date.parse(to);
  if (Number.isFinite(start) && Number.isFinite(end) && end - start >= SHORTEST_MS) return { from: start, to: end, fixed: true };
  return { from: now - LENGTH_MS[rangeOf(range)], to: now, fixed: false };
}

/** The window moved by half of its length; never past now. */
export function moved(span: Span, by: -1 | 1, now: number): Span {
  const half = (span.to - span.from) / 2;
  const to = Math.min(now, span.to + by * half);
  return { from: to - (span.to - span.from), to };
}

/** Twice as much time around the same middle; never past now. */
export function wider(span: Span, now: number): Span {
  const length = Math.min(LONGEST_MS, (span.to - span.from) * 2);
  const to = Math.min(now, (span.from + span.to) / 2 + length / 2);
  return { from: to - length, to };
}

/** A part chosen in the chart is worth asking for again when it is clearly smaller than what was asked for. */
export function worthZooming(span: Span, part: Span): boolean {
  const length = part.to - part.from;
  return length >= SHORTEST_MS && length < (span.to - span.from) * 0.9;
}
