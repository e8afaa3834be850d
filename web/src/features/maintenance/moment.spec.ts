import { describe, expect, it } from 'vitest';
import { momentOf, typedOf } from './moment';

describe('moments typed in the zone of the site', () => {
  it('become UTC and come back', () => {
    expect(momentOf('2026-11-24T18:30', 'Asia/Shanghai')).toBe('2026-11-24T10:30:00.000Z');
    expect(typedOf(Date.parse('2026-11-24T10:30:00Z'), 'Asia/Shanghai')).toBe('2026-11-24T18:30');
  });
  it('follow the clocks of the zone', () => {
    expect(momentOf('2026-07-01T12:00', 'Europe/Berlin')).toBe('2026-07-01T10:00:00.000Z');
    // An hour before the clocks go back the offset is still that of summer.
    expect(momentOf('2026-10-25T00:30', 'Europe/Berlin')).toBe('2026-10-24T22:30:00.000Z');
  });
  it('are nothing where nothing is typed', () => {
    expect(momentOf('', 'Asia/Shanghai')).toBeNull();
  });
});
