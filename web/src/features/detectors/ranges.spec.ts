import { describe, expect, it } from 'vitest';
import { moved, rangeOf, spanOf, wider, worthZooming } from './ranges';

const NOW = Date.parse('2026-11-24T12:00:00Z');
const HOUR = 3_600_000;

describe('the window', () => {
  it('ends now unless the address names both ends', () => {
    expect(spanOf('hour', '', '', NOW)).toEqual({ from: NOW - HOUR, to: NOW, fixed: false });
    expect(spanOf('nonsense', '2026-11-24T00:00:00Z', '', NOW)).toEqual({ from: NOW - HOUR, to: NOW, fixed: false });
    expect(spanOf('hour', '2026-11-24T00:00:00.000Z', '2026-11-24T06:00:00.000Z', NOW)).toEqual({ from: NOW - 12 * HOUR, to: NOW - 6 * HOUR, fixed: true });
  });

  it('takes a window turned round or too short for none', () => {
    expect(spanOf('hour', '2026-11-24T06:00:00Z', '2026-11-24T00:00:00Z', NOW).fixed).toBe(false);
    expect(spanOf('hour', '2026-11-24T06:00:00Z', '2026-11-24T06:00:10Z', NOW).fixed).toBe(false);
  });

  it('moves by half, never past now', () => {
    const span = { from: NOW - 4 * HOUR, to: NOW - 2 * HOUR };
    expect(moved(span, -1, NOW)).toEqual({ from: NOW - 5 * HOUR, to: NOW - 3 * HOUR });
    expect(moved(moved(moved(span, 1, NOW), 1, NOW), 1, NOW)).toEqual({ from: NOW - 2 * HOUR, to: NOW });
  });

  it('widens around its middle, never past now', () => {
    expect(wider({ from: NOW - 4 * HOUR, to: NOW - 2 * HOUR }, NOW)).toEqual({ from: NOW - 5 * HOUR, to: NOW - HOUR });
    expect(wider({ from: NOW - 2 * HOUR, to: NOW }, NOW)).toEqual({ from: NOW - 4 * HOUR, to: NOW });
  });
});

it('asks again only for a real zoom', () => {
  const span = { from: 0, to: 10 * HOUR };
  expect(worthZooming(span, { from: HOUR, to: 3 * HOUR })).toBe(true);
  expect(worthZooming(span, { from: 0, to: 9.5 * HOUR })).toBe(false);
  expect(worthZooming(span, { from: 0, to: 30_000 })).toBe(false);
});

it('knows its ranges', () => {
  expect(rangeOf('year')).toBe('year');
  expect(rangeOf('')).toBe('hour');
});
