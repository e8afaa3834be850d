/** The scale of a value's bar: from where to where, and where its limits stand on it. */

import type { Channel } from '@/api/types';

export interface Mark {
  severity: 'warning' | 'alarm';
  value: number;
  /** The bad side: above or below the mark. */
  side: 'high' | 'low';
  /** Place on the bar, %. */
  at: number;
}

export interface Scale {
  from: number;
  to: number;
  /** Place of the value, %; null without a value. */
  value: number | null;
  marks: Mark[];
}

export function scaleOf(channel: Pick<Channel, 'value' | 'limits' | 'quantity'>): Scale {
  const { limits, value } = channel;
  const said: Omit<Mark, 'at'>[] = [];
  if (limits.low_alarm !== null) said.push({ severity: 'alarm', value: limits.low_alarm, side: 'low' });
  if (limits.low_warning !== null) said.push({ severity: 'warning', value: limits.low_warning, side: 'low' });
  if (limits.warning !== null) said.push({ severity: 'warning', value: limits.warning, side: 'high' });
  if (limits.alarm !== null) said.push({ severity: 'alarm', value: limits.alarm, side: 'high' });
  const heights = said.map((mark) => mark.value);
  const top = Math.max(...heights, value ?? 0, 0);
  let from = Math.min(0, value ?? 0, ...heights);
  let to = top === 0 && from === 0 ? 1 : top * 1.12;
  // With limits on both sides the middle is what matters: a mains voltage on a bar from nought would never move.
  const lows = said.filter((mark) => mark.side === 'low').map((mark) => mark.value);
  const highs = said.filter((mark) => mark.side === 'high').map((mark) => mark.value);
  if (lows.length > 0 && highs.length > 0) {
    const low = Math.min(...lows);
    const high = Math.max(...highs);
    const room = (high - low) * 0.25;
    from = Math.min(low - room, value ?? Infinity);
    to = Math.max(high + room, value ?? -Infinity);
  }
  const place = (at: number): number => Math.min(100, Math.max(0, ((at - from) / (to - from)) * 100));
  return { from, to, value: value === null ? null : place(value), marks: said.map((mark) => ({ ...mark, at: place(mark.value) })) };
}

/** How much of the nearest upper limit is used, %; null where there is none. */
export function usedOf(channel: Pick<Channel, 'value' | 'limits'>): number | null {
  const limit = channel.limits.alarm ?? channel.limits.warning;
  if (channel.value === null || limit === null || limit <= 0) return null;
  return (channel.value / limit) * 100;
}
