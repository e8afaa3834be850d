import { describe, expect, it } from 'vitest';
import { scaleOf, usedOf } from './scale';

const none = { warning: null, alarm: null, low_warning: null, low_alarm: null };

describe('the scale of a bar', () => {
  it('begins at nought and has room above the limit', () => {
    const scale = scaleOf({ quantity: 'residual_current', value: 120, limits: { ...none, warning: 300, alarm: 500 } });
    expect(scale.from).toBe(0);
    expect(scale.to).toBeGreaterThan(500);
    expect(scale.marks.map((mark) => mark.severity)).toEqual(['warning', 'alarm']);
    expect(scale.value).toBeCloseTo((120 / 560) * 100);
  });

  it('keeps a value far above its limit inside', () => {
    const scale = scaleOf({ quantity: 'residual_current', value: 5000, limits: { ...none, alarm: 500 } });
    expect(scale.value).toBeLessThanOrEqual(100);
    expect(scale.marks[0]?.at).toBeLessThan(15);
  });

  it('looks at the middle where there are limits on both sides', () => {
    const scale = scaleOf({ quantity: 'voltage', value: 225, limits: { warning: 242, alarm: 253, low_warning: 198, low_alarm: 187 } });
    expect(scale.from).toBeGreaterThan(150);
    expect(scale.value).toBeGreaterThan(40);
    expect(scale.value).toBeLessThan(70);
  });

  it('has no place for a value that is not there, and takes cold for what it is', () => {
    expect(scaleOf({ quantity: 'current', value: null, limits: none }).value).toBeNull();
    const cold = scaleOf({ quantity: 'conductor_temperature', value: -12, limits: { ...none, alarm: 70 } });
    expect(cold.from).toBe(-12);
    expect(cold.value).toBe(0);
  });
});

it('says how much of the limit is used', () => {
  expect(usedOf({ value: 250, limits: { ...none, alarm: 500 } })).toBe(50);
  expect(usedOf({ value: 250, limits: none })).toBeNull();
});
