import { describe, expect, it } from 'vitest';
import { clock, forecast, rounded, sentence, surePercent, weeks } from './sentence';

const t = (key: string, named?: Record<string, unknown>): string => `${key} ${JSON.stringify(named ?? {})}`;

describe('a finding in words', () => {
  it('gives hours as clock times and weeks that hold the range', () => {
    expect(clock(13.5)).toBe('13:30');
    expect(clock(23.99)).toBe('00:00');
    expect(weeks(22, 45)).toEqual({ from: 3, to: 7 });
    expect(weeks(1, 2)).toEqual({ from: 0, to: 1 });
    expect([surePercent(0.999), surePercent(0.661)]).toEqual([99, 66]);
    expect([rounded(304.4), rounded(12.04), rounded(0.5)]).toEqual(['304', '12', '0.5']);
  });

  it('names the phase and says nothing of what never comes', () => {
    const finding = { kind: 'loosening_terminal' as const, phase: 'b' as const, channel: 'temperature_b', figures: [{ name: 'percent', value: 31.4, unit: '%' }] };
    expect(sentence(finding, t)).toContain('"percent":31');
    expect(sentence(finding, t)).toContain('vocabulary.phase.b');
    expect(forecast(finding, t)).toBe('');
  });

  it('says when the limit is reached', () => {
    const figures = [{ name: 'limit', value: 300, unit: 'mA' }, { name: 'reach_from', value: 22, unit: 'd' }, { name: 'reach_to', value: 45, unit: 'd' }];
    expect(forecast({ kind: 'ageing_insulation', phase: null, channel: 'residual', figures }, t)).toBe('findings.ahead.leak {"from":3,"to":7,"limit":"300"}');
  });
});
