import { describe, expect, it } from 'vitest';
import { dayEnd, dayStart, offsetMinutes, timeBare, zoneName } from './time';

const at = Date.parse('2026-11-24T10:00:00Z');

describe('time', () => {
  it('is written in the zone of the site', () => {
    expect(timeBare(at, 'Asia/Shanghai')).toBe('2026-11-24 18:00:00');
    expect(timeBare(at, 'UTC', 'day')).toBe('2026-11-24');
    expect(timeBare(at, 'Asia/Shanghai', 'short')).toBe('11-24 18:00');
    expect(timeBare('nonsense', 'UTC')).toBe('—');
  });
  it('begins and ends days where the site is', () => {
    expect(dayStart('2026-11-24', 'Asia/Shanghai')).toBe('2026-11-23T16:00:00.000Z');
    expect(dayEnd('2026-11-24', 'Asia/Shanghai')).toBe('2026-11-24T15:59:59.999Z');
    expect(dayStart('', 'UTC')).toBe('');
  });
  it('knows a zone by its distance from UTC at that moment', () => {
    expect(offsetMinutes('Asia/Shanghai', at)).toBe(480);
    expect(offsetMinutes('Asia/Kolkata', at)).toBe(330);
    expect(offsetMinutes('America/New_York', at)).toBe(-300);
    expect(zoneName('Asia/Shanghai', at)).toBe('UTC+8');
    expect(zoneName('Asia/Kolkata', at)).toBe('UTC+5:30');
    expect(zoneName('UTC', at)).toBe('UTC+0');
  });
});
