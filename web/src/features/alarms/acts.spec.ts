import { describe, expect, it } from 'vitest';
import type { Alarm, AlarmState } from '@/api/types';
import { whyNoReset } from './acts';
import { channelOf, circuitOf } from './place';

const alarm = (parts: Partial<Alarm>): Alarm => ({ state: 'unacknowledged', panel_name: null, circuit_name: null, channel_name: null, phase: null, ...parts }) as Alarm;

describe('reset', () => {
  it.each<[AlarmState, string | null]>([
    ['unacknowledged', 'alarms.no_reset.condition'],
    ['acknowledged', 'alarms.no_reset.condition'],
    ['returned_unacknowledged', 'alarms.no_reset.not_latched'],
    ['latched_unacknowledged', 'alarms.no_reset.not_acknowledged'],
    ['latched_acknowledged', null],
    ['closed', 'alarms.no_reset.closed'],
  ])('of an alarm that is %s', (state, reason) => {
    expect(whyNoReset(alarm({ state }))).toBe(reason);
  });
  it('of a breaker that did not follow is for a person who has taken it', () => {
    expect(whyNoReset(alarm({ hazard: 'switch_failed', state: 'unacknowledged' }))).toBe('alarms.no_reset.not_acknowledged');
    expect(whyNoReset(alarm({ hazard: 'switch_failed', state: 'acknowledged' }))).toBeNull();
    expect(whyNoReset(alarm({ hazard: 'unassigned_alarm', state: 'acknowledged' }))).toBeNull();
  });
});

describe('place', () => {
  it('names panel and circuit as far as they are known', () => {
    expect(circuitOf(alarm({ panel_name: 'P', circuit_name: 'C' }))).toBe('P / C');
    expect(circuitOf(alarm({ circuit_name: 'C' }))).toBe('C');
    expect(circuitOf(alarm({}))).toBe('');
  });
  it('says the phase once', () => {
    expect(channelOf(alarm({ channel_name: 'A 相温度', phase: 'a' }))).toBe('A 相温度');
    expect(channelOf(alarm({ channel_name: '温度', phase: 'b' }))).toBe('温度 B');
  });
});
