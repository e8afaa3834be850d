import { describe, expect, it } from 'vitest';
import type { Alarm, AlarmState } from '@/api/types';
import zhCN from '@/words/zh-CN';
import { whyNoReset } from './acts';
import { messageKey, sentences } from './guidance';
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

describe('guidance', () => {
  it('finds the words that the server names, whatever the severity', () => {
    expect(messageKey('over_temperature.warning.owner.2')).toBe('guidance.over_temperature.owner.2');
    expect(messageKey('overload.electrician.1')).toBe('guidance.overload.electrician.1');
  });
  it('leaves out what no language has words for', () => {
    expect(sentences(['a.owner.1', 'b.owner.1'], (key) => key === 'guidance.b.owner.1')).toEqual(['guidance.b.owner.1']);
  });
  it('has something for the owner and the electrician of every hazard', () => {
    const hazards = Object.keys((zhCN['vocabulary'] as { hazard: object }).hazard);
    const guidance = zhCN['guidance'] as Record<string, { owner?: object; electrician?: object }>;
    expect(hazards.filter((hazard) => guidance[hazard]?.owner === undefined || guidance[hazard]?.electrician === undefined)).toEqual([]);
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
