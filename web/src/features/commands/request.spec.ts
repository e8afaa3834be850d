import { describe, expect, it } from 'vitest';
import { emptyTyped, fittingTrial, registerOf, requestOf } from './request';
import { toneOf, type CommandOption, type WhatIf } from './types';

const option = (over: Partial<CommandOption>): CommandOption => ({
  kind: 'self_test', code: 'self_test', name: '', unit: null, min: null, max: null, step: null, hazard: null, field: null, point_code: null, channel_id: null,
  idempotent: true, read_back: false, permission: 'command.send', permitted: true, needs_password: false, needs_reason: false, needs_approval: false, needs_what_if: false, blocked: null, ...over,
});
const trial = (alarm: number): WhatIf => {
  const outcome = { alarms: 0, warnings: 0, longest_s: 0, worst: null, occurrences: [], limits: { enabled: true, warning: null, alarm, on_delay_s: 5, off_delay_s: 5, deadband: 0 } };
  return { id: 7, detector_id: 1, channel_id: null, hazard: 'residual_current', unit: 'mA', from: '', until: '', readings: 1, complete: true, today: outcome, candidate: outcome };
};
function asked(over: Partial<CommandOption>, typed: Partial<ReturnType<typeof emptyTyped>>, tried: WhatIf | null = null) {
  const refused: string[] = [];
  const wanted = requestOf(1, option(over), { ...emptyTyped(option(over)), ...typed }, tried, { refuse: (field) => refused.push(field) });
  return { wanted, refused };
}

describe('a command from what was typed', () => {
  it('is nothing but its name where nothing else is needed', () => {
    expect(asked({}, {})).toEqual({ wanted: { detector_id: 1, kind: 'self_test', code: 'self_test', expires_in_s: 3600 }, refused: [] });
  });
  it('asks for reason and password before a breaker is switched', () => {
    const trip = { kind: 'trip', code: 'trip', needs_password: true, needs_reason: true } as const;
    expect(asked(trip, { reason: ' ' }).refused).toEqual(['reason', 'password']);
    expect(asked(trip, { reason: 'fire', proof: { by: 'password', said: 'p' } }).wanted).toMatchObject({ reason: 'fire', password: 'p', expires_in_s: 300 });
  });
  it('takes a one-time code in place of the password', () => {
    const trip = { kind: 'trip', code: 'trip', needs_password: true, needs_reason: true } as const;
    const { wanted, refused } = asked(trip, { reason: 'fire', proof: { by: 'one_time_code', said: ' 492 039 ' } });
    expect(refused).toEqual([]);
    expect(wanted).toMatchObject({ one_time_code: '492 039' });
    expect(wanted).not.toHaveProperty('password');
    expect(asked(trip, { reason: 'fire', proof: { by: 'one_time_code', said: ' ' } }).refused).toEqual(['one_time_code']);
  });
  it('takes a set-point only with a trial of the same value, or with why there is none', () => {
    const set = { kind: 'set_point', code: 'alarm_1', unit: 'mA', min: 6, max: 1000, hazard: 'residual_current', field: 'alarm', needs_what_if: true } as const;
    expect(asked(set, { value: '300' }).refused).toEqual(['what_if_id']);
    expect(asked(set, { value: '300' }, trial(400)).refused).toEqual(['what_if_id']);
    expect(asked(set, { value: '300' }, trial(300)).wanted).toMatchObject({ value: 300, what_if_id: 7 });
    expect(asked(set, { value: '300', skipped: 'new' }).wanted).toMatchObject({ value: 300, skipped_because: 'new' });
    expect(asked(set, { value: '5', skipped: 'x' }).refused).toEqual(['value']);
    expect(asked(set, { value: 'many', skipped: 'x' }).refused).toEqual(['value']);
    expect(fittingTrial(option(set), 300, trial(300))?.id).toBe(7);
  });
  it('reads registers by decimal or hexadecimal number', () => {
    expect(registerOf('0x1B')).toBe(27);
    expect(registerOf('27')).toBe(27);
    expect(registerOf('x')).toBeNaN();
    expect(asked({ kind: 'raw_read' }, { address: '0x10', count: '2', function: '4' }).wanted).toEqual({ detector_id: 1, kind: 'raw_read', expires_in_s: 3600, read: { function: 4, address: 16, count: 2 } });
    expect(asked({ kind: 'raw_read' }, { address: '', count: '0' }).refused).toEqual(['read.address', 'read.count']);
  });
});

describe('the tone of a state', () => {
  it('is bad only where something went wrong', () => {
    expect(toneOf({ state: 'acknowledged', open: true })).toBe('open');
    expect(toneOf({ state: 'acknowledged', open: false })).toBe('done');
    expect(toneOf({ state: 'outcome_unknown', open: false })).toBe('bad');
    expect(toneOf({ state: 'cancelled', open: false })).toBe('over');
  });
});
