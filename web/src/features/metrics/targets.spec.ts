import { describe, expect, it } from 'vitest';
import { isMet, short } from './targets';

describe('figures beside their targets', () => {
  it('are met up to the target, and nothing is said where none is published', () => {
    const figure = { key: 'stale', value: 5, percent: false, target: 5 };
    expect(isMet(figure)).toBe(true);
    expect(isMet({ ...figure, value: 5.1 })).toBe(false);
    expect(isMet({ ...figure, target: null })).toBeNull();
  });
  it('are written short', () => {
    expect([0, 0.0123, 0.456, 3.25, 99.96, 148.4].map(short)).toEqual(['0', '0.012', '0.46', '3.3', '100', '148']);
  });
});
