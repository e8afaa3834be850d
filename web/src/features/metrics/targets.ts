/** Each figure beside its published target, and whether it is met. */

import type { AlarmMetrics } from '@/api/types';

export interface Figure {
  /** Its words are `metrics.<key>`. */
  key: string;
  value: number;
  /** The value is a share. */
  percent: boolean;
  /** At most this; `null` where nothing is published. */
  target: number | null;
}

export function figuresOf({ load, targets, open, chattering }: AlarmMetrics): Figure[] {
  const rate = (key: string, value: number, target: number | null): Figure => ({ key, value, percent: false, target });
  const share = (key: string, value: number, target: number): Figure => ({ key, value, percent: true, target });
  return [
    rate('per_day', load.per_day, targets.per_day),
    rate('per_hour', load.per_hour, targets.per_hour),
    rate('per_ten_minutes', load.per_ten_minutes, targets.per_ten_minutes),
    rate('most_in_an_hour', load.most_in_an_hour, null),
    rate('most_in_ten_minutes', load.most_in_ten_minutes, null),
    share('overloaded_hours', load.overloaded_hours_percent, targets.overloaded_hours_percent),
    share('overloaded_spans', load.overloaded_spans_percent, targets.overloaded_spans_percent),
    share('in_flood', load.flood_percent, targets.flood_percent),
    share('top_ten', load.top_ten_percent, targets.top_ten_percent),
    rate('stale', open.stale, targets.stale),
    rate('chattering', chattering, targets.chattering),
  ];
}

export function isMet(figure: Figure): boolean | null {
  return figure.target === null ? null : figure.value <= figure.target;
}

/** As short as it stays honest: `0`, `0.04`, `3.2`, `148`. */
export function short(value: number): string {
  if (value === 0) return '0';
  const digits = value < 0.1 ? 3 : value < 1 ? 2 : value < 100 ? 1 : 0;
  return String(Number(value.toFixed(digits)));
}
