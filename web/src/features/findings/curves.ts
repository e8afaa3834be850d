/** Which curves of the evidence belong into one chart, and how each is drawn. */

import type { FindingCurve } from './types';

export type Drawn = 'points' | 'line' | 'fit' | 'low' | 'high';

export function drawnAs(name: string): Drawn {
  if (name === 'range_low') return 'low';
  if (name === 'range_high') return 'high';
  if (name === 'trend' || name.startsWith('fit_')) return 'fit';
  if (['then', 'now', 'steps_with', 'steps_other', 'heat_by_day', 'ohm_by_day', 'steps_times', 'level'].includes(name)) return 'points';
  return 'line';
}

export interface Chart {
  key: string;
  x: string;
  y: string;
  curves: FindingCurve[];
}

/** Curves over the same axes share a chart, in the order in which they come. */
export function charts(curves: readonly FindingCurve[]): Chart[] {
  const all = new Map<string, Chart>();
  for (const curve of curves) {
    if (curve.points.length === 0) continue;
    const key = `${curve.x_unit}/${curve.y_unit}`;
    const had = all.get(key);
    if (had === undefined) all.set(key, { key, x: curve.x_unit, y: curve.y_unit, curves: [curve] });
    else had.curves.push(curve);
  }
  return [...all.values()];
}
