import { expect, it } from 'vitest';
import { verdictOf } from './verdict';

const none = { warning: null, alarm: null, low_warning: null, low_alarm: null };
const channel = (over: object) => ({ value: 30, quality: 'good' as const, received_at: '2026-11-24T10:00:00Z', quantity: 'residual_current' as const, limits: { ...none, warning: 200, alarm: 300 }, ...over });

it.each([
  [{}, 'good'],
  [{ received_at: null, value: null }, 'waiting'],
  [{ quality: 'sensor_open', value: null }, 'sensor'],
  [{ value: 250 }, 'warning'],
  [{ value: 301 }, 'alarm'],
  [{ quantity: 'voltage', value: 3, limits: { ...none, low_warning: 187, low_alarm: 176 } }, 'nothing'],
  [{ quantity: 'voltage', value: 170, limits: { ...none, low_warning: 187, low_alarm: 176 } }, 'alarm'],
  [{ quality: 'stale_clock' }, 'good'],
])('%j is %s', (over, verdict) => {
  expect(verdictOf(channel(over))).toBe(verdict);
});
