/** What the single-line picture needs of a site's tree, and how live values get into it. */

import type { Channel, LiveEvents, Phase, Quantity, Severity } from '@/api/types';
import type { SiteTree, TreeDetector } from './types';

/** Order in which an electrician reads a circuit: what burns first. */
const ORDER: readonly Quantity[] = [
  'residual_current',
  'conductor_temperature',
  'ambient_temperature',
  'current',
  'neutral_current',
  'voltage',
  'active_power',
  'reactive_power',
  'apparent_power',
  'power_factor',
  'frequency',
  'energy',
  'arc_count',
  'switch',
  'signal_strength',
];
const PHASES: readonly (Phase | null)[] = ['a', 'b', 'c', 'n', 'total', null];

/** Quantities that stand in the picture itself; the rest is on the detector's page. */
const IN_PICTURE: ReadonlySet<Quantity> = new Set(['residual_current', 'conductor_temperature', 'ambient_temperature', 'current', 'voltage', 'active_power', 'switch']);

export interface QuantityRow {
  quantity: Quantity;
  unit: string;
  channels: Channel[];
}

export function orderChannels(channels: readonly Channel[]): Channel[] {
  return channels
    .filter((channel) => channel.quantity !== 'device')
    .toSorted(
      (one, other) =>
        ORDER.indexOf(one.quantity) - ORDER.indexOf(other.quantity) || PHASES.indexOf(one.phase) - PHASES.indexOf(other.phase) || one.id - other.id,
    );
}

/** Channels by quantity, phases side by side. */
export function rowsOf(channels: readonly Channel[], all = false): QuantityRow[] {
  const rows: QuantityRow[] = [];
  for (const channel of orderChannels(channels)) {
    if (!all && !IN_PICTURE.has(channel.quantity)) continue;
    const last = rows.at(-1);
    if (last !== undefined && last.quantity === channel.quantity) last.channels.push(channel);
    else rows.push({ quantity: channel.quantity, unit: channel.unit, channels: [channel] });
  }
  return rows;
}

/** The worst open alarm among channels; null when there is none. */
export function worstOf(channels: readonly Channel[]): Severity | null {
  const open = channels.flatMap((channel) => (channel.open_alarm === null ? [] : [channel.open_alarm.severity]));
  return (['alarm', 'warning', 'fault'] as const).find((severity) => open.includes(severity)) ?? null;
}

/** When anything of it was last received. */
export function newestOf(channels: readonly Channel[]): string | null {
  return channels.reduce<string | null>((newest, channel) => (channel.received_at !== null && (newest === null || channel.received_at > newest) ? channel.received_at : newest), null);
}

export function detectorsOf(tree: SiteTree): TreeDetector[] {
  return [...tree.panels.flatMap((panel) => panel.circuits.flatMap((circuit) => circuit.detectors)), ...tree.unplaced_detectors];
}

type Values = LiveEvents['values'];

/** The channels with the values of one event; the same array when none of them is meant. */
export function withValues(channels: Channel[], event: Values): Channel[] {
  const news = new Map(event.channels.map((channel) => [channel.id, channel]));
  if (!channels.some((channel) => news.has(channel.id))) return channels;
  return channels.map((channel) => {
    const said = news.get(channel.id);
    return said === undefined ? channel : { ...channel, value: said.value, quality: said.quality, measured_at: said.measured_at, received_at: said.received_at, stale: false };
  });
}

/** The tree with the values of one event in it. */
export function treeWithValues(tree: SiteTree, event: Values): SiteTree {
  const patch = (detector: TreeDetector): TreeDetector =>
    detector.id === event.detector_id ? { ...detector, status: event.status, last_heard_at: newestOf(withValues(detector.channels, event)) ?? detector.last_heard_at, channels: withValues(detector.channels, event) } : detector;
  return {
    ...tree,
    panels: tree.panels.map((panel) => ({ ...panel, circuits: panel.circuits.map((circuit) => ({ ...circuit, detectors: circuit.detectors.map(patch) })) })),
    unplaced_detectors: tree.unplaced_detectors.map(patch),
  };
}
