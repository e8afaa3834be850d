import { describe, expect, it } from 'vitest';
import type { Channel } from '@/api/types';
import { newestOf, orderChannels, rowsOf, treeWithValues, withValues, worstOf } from './tree';
import type { SiteTree } from './types';

function channel(id: number, parts: Partial<Channel>): Channel {
  return {
    id,
    name: `c${id}`,
    point: `p${id}`,
    quantity: 'current',
    phase: null,
    unit: 'A',
    decimals: 1,
    value: 1,
    quality: 'good',
    measured_at: null,
    received_at: null,
    stale: false,
    stale_after_s: 60,
    limits: { warning: null, alarm: null, low_warning: null, low_alarm: null },
    open_alarm: null,
    ...parts,
  };
}

const some = [
  channel(1, { quantity: 'voltage', phase: 'b' }),
  channel(2, { quantity: 'voltage', phase: 'a' }),
  channel(3, { quantity: 'residual_current' }),
  channel(4, { quantity: 'device' }),
  channel(5, { quantity: 'energy' }),
];

describe('order', () => {
  it('puts what burns first, phases in their order, and leaves the device out', () => {
    expect(orderChannels(some).map((one) => one.id)).toEqual([3, 2, 1, 5]);
  });

  it('gathers phases of one quantity in a row and keeps counters out of the picture', () => {
    expect(rowsOf(some).map((row) => [row.quantity, row.channels.map((one) => one.id)])).toEqual([
      ['residual_current', [3]],
      ['voltage', [2, 1]],
    ]);
    expect(rowsOf(some, true).at(-1)?.quantity).toBe('energy');
  });
});

it('names the worst open alarm', () => {
  expect(worstOf(some)).toBeNull();
  expect(worstOf([channel(1, { open_alarm: { id: 1, severity: 'fault' } }), channel(2, { open_alarm: { id: 2, severity: 'warning' } })])).toBe('warning');
});

it('names the newest receipt', () => {
  expect(newestOf(some)).toBeNull();
  expect(newestOf([channel(1, { received_at: '2026-11-24T10:00:00.000Z' }), channel(2, { received_at: '2026-11-24T10:00:05.000Z' })])).toBe('2026-11-24T10:00:05.000Z');
});

describe('live values', () => {
  const event = { detector_id: 7, site_id: 1, status: 'alarm' as const, channels: [{ id: 1, value: 9, quality: 'good' as const, measured_at: '2026-11-24T10:00:00.000Z', received_at: '2026-11-24T10:00:01.000Z' }] };

  it('replace only what they name', () => {
    const next = withValues([channel(1, { stale: true }), channel(2, {})], event);
    expect(next[0]).toMatchObject({ value: 9, stale: false });
    expect(next[1]?.value).toBe(1);
  });

  it('leave the array alone when they name nothing of it', () => {
    const channels = [channel(2, {})];
    expect(withValues(channels, event)).toBe(channels);
  });

  it('reach the detector in the tree with its status', () => {
    const detector = { id: 7, name: 'd', profile_id: 'p', status: 'normal' as const, last_heard_at: null, channels: [channel(1, {})] };
    const tree = { panels: [{ id: 1, name: 'p', location: '', version: 1, circuits: [{ id: 1, name: 'c', rated_current_a: 16, phases: 1, load_kind: '', version: 1, detectors: [detector] }] }], unplaced_detectors: [] } as unknown as SiteTree;
    const after = treeWithValues(tree, event).panels[0]?.circuits[0]?.detectors[0];
    expect(after?.status).toBe('alarm');
    expect(after?.channels[0]?.value).toBe(9);
    expect(after?.last_heard_at).toBe('2026-11-24T10:00:01.000Z');
    expect(detector.channels[0]?.value).toBe(1);
  });
});
