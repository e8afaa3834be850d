import { describe, expect, it } from 'vitest';
import type { RiskAct, RiskCause } from './types';
import { actPlace, causeWords } from './wording';

const NOTHING: RiskCause = { code: 'unwatched', alarm_id: null, finding_id: null, hazard: null, severity: null, returned: null, kind: null, strength: null, confidence: null, count: null, minutes: null, days: null, ever: null };
const say = (key: string, named: Record<string, unknown> = {}): string => `${key} ${Object.values(named).join(' ')}`.trim();

describe('words of a cause', () => {
  it('names the hazard, and whether it is still there', () => {
    const open: RiskCause = { ...NOTHING, code: 'open_alarm', hazard: 'overload', severity: 'warning', returned: false };
    expect(causeWords(open, say)).toBe('risk.cause.open_alarm vocabulary.hazard.overload vocabulary.severity.warning');
    expect(causeWords({ ...open, returned: true }, say)).toContain('open_alarm_returned');
  });

  it('tells long waits in days', () => {
    const waits = (minutes: number): string => causeWords({ ...NOTHING, code: 'unacknowledged', hazard: 'overload', minutes }, say);
    expect(waits(90)).toContain('for_minutes 90');
    expect(waits(150)).toContain('for_hours_minutes 2 30');
    expect(waits(3000)).toContain('for_days 2');
  });

  it('tells what was never tested from what was long ago', () => {
    expect(causeWords({ ...NOTHING, code: 'no_self_test', days: 40, ever: false }, say)).toBe('risk.cause.never_self_test 40');
    expect(causeWords({ ...NOTHING, code: 'no_self_test', days: 40, ever: true }, say)).toBe('risk.cause.no_self_test 40');
  });
});

describe('place of an act', () => {
  const act = (code: string, detector_id: number | null, alarm_id: number | null = null): RiskAct => ({ code, saves: 1, cause: { ...NOTHING, alarm_id }, unit_name: 'WL1', circuit_id: 1, detector_id, detector_name: null });

  it('leads to the alarm, to the tab of the detector, else to the site', () => {
    expect(actPlace(act('handle_alarm', 2, 7), 3)).toEqual({ name: 'alarm', params: { id: 7 } });
    expect(actPlace(act('self_test', 2), 3)).toEqual({ name: 'detector', params: { id: 2 }, query: { tab: 'commands' } });
    expect(actPlace(act('bring_online', 2), 3)).toEqual({ name: 'detector', params: { id: 2 }, query: {} });
    expect(actPlace(act('install', null), 3)).toEqual({ name: 'site', params: { id: 3 } });
  });
});
