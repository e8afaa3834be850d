/** Values with their unit, as the standards write them. */

import type { Phase, Quantity } from '@/api/types';

/** Places after the point where a channel does not say. */
const DECIMALS: Partial<Record<Quantity, number>> = {
  residual_current: 0,
  conductor_temperature: 1,
  ambient_temperature: 1,
  current: 2,
  voltage: 1,
  active_power: 0,
  reactive_power: 0,
  apparent_power: 0,
  power_factor: 3,
  frequency: 2,
  energy: 1,
  arc_count: 0,
  neutral_current: 2,
};

export function decimalsOf(quantity: Quantity | null | undefined): number {
  return (quantity !== null && quantity !== undefined ? DECIMALS[quantity] : undefined) ?? 1;
}

/** `523.4` + `mA` -> `523.4 mA`; no value is a dash, never a nought. */
export function withUnit(value: number | null | undefined, unit: string | null | undefined, decimals = 1): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return '—';
  const said = value.toFixed(decimals);
  return unit === null || unit === undefined || unit === '' ? said : `${said} ${unit}`;
}

/** Letter of a phase as it stands on the busbar: A, B, C, N. */
export function phaseLetter(phase: Phase | null | undefined): string {
  if (phase === 'a' || phase === 'b' || phase === 'c' || phase === 'n') return phase.toUpperCase();
  return '';
}

/** `12345678` bytes -> `12.3 MB` */
export function bytes(count: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = count;
  let at = 0;
  while (value >= 1000 && at < units.length - 1) {
    value /= 1000;
    at += 1;
  }
  return `${value.toFixed(value < 10 && at > 0 ? 1 : 0)} ${units[at] ?? ''}`;
}
