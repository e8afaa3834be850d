/** The form of a profile: its fields by protocol, new rows, and what may be moved. */

import type { FormGroup, FormLimit, FormMeaning, FormPoint, FormStatus, Mistake } from './types';

/** What a field of a row is drawn as. */
export interface Field {
  key: string;
  kind?: 'text' | 'number' | 'select';
  /** Words of the options lie under this key; the values are the words of the file. */
  options?: 'quantity' | 'phase' | 'format' | 'function' | 'point' | 'severity' | 'hazard' | 'clock' | 'write';
  /** First entry of a select that means "left out". */
  optional?: boolean;
  unit?: string;
  mono?: boolean;
}

/** Protocols that name their values instead of numbering registers. */
export function isKeyed(protocol: string): boolean {
  return ['gb26875', 'gateway_1f1f', 'dlt645', 'telemetry'].includes(protocol);
}

export const PROTOCOLS = ['modbus_rtu', 'cloud_7b7b', 'telemetry', 'gb26875', 'gateway_1f1f', 'dlt645'] as const;
export const QUANTITIES = ['residual_current', 'conductor_temperature', 'ambient_temperature', 'current', 'neutral_current', 'voltage', 'active_power', 'reactive_power', 'apparent_power', 'power_factor', 'frequency', 'energy', 'signal_strength', 'switch'] as const;
export const PHASES = ['a', 'b', 'c', 'n', 'total'] as const;
export const FORMATS = ['u16', 'i16', 'u32', 'i32', 'u32_swapped', 'i32_swapped', 'bit'] as const;
export const QUALITIES = ['sensor_open', 'sensor_short', 'device_fault', 'implausible'] as const;
export const HAZARDS = ['residual_current', 'over_temperature', 'over_voltage', 'under_voltage', 'overload', 'phase_loss', 'short_circuit', 'arc_fault', 'power_failure', 'phase_sequence', 'current_unbalance', 'voltage_unbalance', 'neutral_overload', 'sensor_open', 'sensor_short', 'device_fault', 'supply_lost', 'weak_signal'] as const;
/** Those that have limits. */
export const LIMITED = ['residual_current', 'over_temperature', 'over_voltage', 'under_voltage', 'overload', 'phase_loss'] as const;

export function pointFields(protocol: string): Field[] {
  const place: Field[] = isKeyed(protocol)
    ? [
        { key: 'key', mono: true },
        { key: 'multiply', mono: true },
        { key: 'group', mono: true },
      ]
    : [
        { key: 'address', mono: true },
        { key: 'format', kind: 'select', options: 'format' },
        { key: 'function', kind: 'select', options: 'function', optional: true },
        ...(protocol === 'cloud_7b7b' ? [{ key: 'segment', mono: true }] : []),
      ];
  return [
    { key: 'code', mono: true },
    { key: 'name' },
    { key: 'quantity', kind: 'select', options: 'quantity' },
    { key: 'phase', kind: 'select', options: 'phase', optional: true },
    ...place,
    { key: 'scale', mono: true },
    { key: 'least', mono: true },
    { key: 'greatest', mono: true },
  ];
}

export function statusFields(protocol: string): Field[] {
  return isKeyed(protocol)
    ? [{ key: 'code', mono: true }, { key: 'key', mono: true }, { key: 'group', mono: true }, { key: 'mask', mono: true }]
    : [
        { key: 'code', mono: true },
        { key: 'address', mono: true },
        { key: 'mask', mono: true },
        { key: 'function', kind: 'select', options: 'function', optional: true },
        ...(protocol === 'cloud_7b7b' ? [{ key: 'segment', mono: true }] : []),
      ];
}

export function groupFields(protocol: string): Field[] {
  return [
    ...(protocol === 'cloud_7b7b' ? [{ key: 'segment', mono: true }] : []),
    { key: 'start', mono: true },
    { key: 'count', mono: true },
    { key: 'function', kind: 'select', options: 'function', optional: true },
    ...(protocol === 'cloud_7b7b' ? [] : [{ key: 'every_s', mono: true, unit: 's' }]),
  ];
}

/** A point more, standing behind the last one: the next free register of the same kind. */
export function newPoint(points: readonly FormPoint[], protocol: string): FormPoint {
  const last = points.at(-1);
  const codes = new Set(points.map((point) => point.code));
  let number = points.length + 1;
  while (codes.has(`point_${number}`)) number += 1;
  const next = last === undefined ? 0 : (numberOf(last.address) ?? -1) + widthOf(last.format);
  return {
    at: null,
    code: `point_${number}`,
    name: '',
    quantity: last?.quantity ?? 'residual_current',
    phase: '',
    function: last?.function ?? '',
    segment: last?.segment ?? '',
    address: isKeyed(protocol) ? '' : hex(next),
    format: isKeyed(protocol) ? '' : (last?.format ?? 'u16'),
    key: '',
    multiply: '',
    group: '',
    scale: last?.scale ?? '1',
    least: '',
    greatest: '',
    invalid: [],
    more: '',
  };
}

export function newStatus(statuses: readonly FormStatus[]): FormStatus {
  return { at: null, code: `status_${statuses.length + 1}`, function: '', segment: '', address: '', key: '', group: '', mask: '', meanings: [newMeaning()], more: '' };
}

export function newMeaning(): FormMeaning {
  return { value: '1', hazard: 'device_fault', severity: 'fault', point: '' };
}

export function newGroup(protocol: string): FormGroup {
  return { at: null, function: '', segment: protocol === 'cloud_7b7b' ? '1-1' : '', start: '0x0000', count: '1', every_s: '', more: '' };
}

export function newLimit(limits: readonly FormLimit[]): FormLimit {
  const free = LIMITED.find((hazard) => !limits.some((limit) => limit.hazard === hazard));
  return { hazard: free ?? LIMITED[0], enabled: '', warning: '', alarm: '', on_delay_s: '', off_delay_s: '', deadband: '', latching: '' };
}

/** `0x0010`, `16`, `30_000` -> number; anything else is none. */
export function numberOf(written: string): number | null {
  const bare = written.trim().replaceAll('_', '');
  return /^(0x[0-9a-f]+|0b[01]+|0o[0-7]+|[+-]?\d+)$/i.test(bare) ? Number(bare) : null;
}

export function hex(value: number): string {
  return `0x${Math.max(0, value).toString(16).toUpperCase().padStart(4, '0')}`;
}

function widthOf(format: string): number {
  return format.includes('32') ? 2 : 1;
}

/** The severities that a hazard can have: a fault of the detector is a fault and nothing else. */
export function severitiesOf(hazard: string): string[] {
  return ['sensor_open', 'sensor_short', 'device_fault', 'supply_lost', 'weak_signal'].includes(hazard) ? ['fault'] : ['warning', 'alarm'];
}

/** Points that detectors store stay where they are; those behind may be moved among themselves and taken away. */
export function mayMove(index: number, by: -1 | 1, stored: number, many: number): boolean {
  const to = index + by;
  return index >= stored && to >= stored && to < many;
}

export function moved<T>(rows: readonly T[], index: number, by: -1 | 1): T[] {
  const next = [...rows];
  const [row] = next.splice(index, 1);
  if (row !== undefined) next.splice(index + by, 0, row);
  return next;
}

/** What a mistake says about a field: `points[3].range[0]` is about the least value, `points[3]` about the row's first field. */
export function mistakeAt(mistake: Mistake | null, path: string): string | null {
  if (mistake === null || mistake.field === '') return null;
  const said = mistake.field.replace(/\.range\[0\]$/, '.least').replace(/\.range\[1\]$/, '.greatest').replace(/\.range$/, '.least');
  return said === path ? mistake.reason : null;
}

/** Whether a mistake is somewhere in a row or part, so that a folded one opens. */
export function mistakeIn(mistake: Mistake | null, path: string): boolean {
  return mistake !== null && (mistake.field === path || mistake.field.startsWith(`${path}.`) || mistake.field.startsWith(`${path}[`));
}
