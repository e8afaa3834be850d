import { describe, expect, it } from 'vitest';
import { fieldsOf, hourText, inherited, patchOf, PARTS, standardsOf, typedOf, unitOf } from './limits';
import { SETTING_FIELDS, type HazardSettings, type Origin, type RuleSet } from './types';

const origin: Origin = { scope: 'platform', id: '0', name: '平台', source: 'GB 14287.2' };
const residual: HazardSettings = {
  hazard: 'residual_current',
  unit: 'mA',
  version: 3,
  applies: ['residual_current'],
  minimum_unit: null,
  cap_unit: null,
  is_low: false,
  rule_sets: [],
  own: { alarm: 400 },
  effective: {
    enabled: { value: true, origin },
    warning: { value: 300, origin },
    alarm: { value: 400, origin: { ...origin, scope: 'site', id: '3', name: '合泰' } },
    on_delay_s: { value: 10, origin },
  },
};

it('knows which fields mean anything', () => {
  expect(fieldsOf(residual)).toEqual(['enabled', 'warning', 'alarm', 'on_delay_s']);
});

it('asks for a condition only where the hazard has one, and for no night of a sensor', () => {
  const nothing = { minimum: null, cap: null, night_alarm: null } as const;
  const unbalance: HazardSettings = { ...residual, hazard: 'current_unbalance', minimum_unit: '%', own: nothing, effective: { minimum: { value: 20, origin }, night_alarm: null } };
  expect(fieldsOf(unbalance)).toEqual(['minimum', 'night_alarm']);
  expect(unitOf(unbalance, 'minimum')).toBe('%');
  expect(fieldsOf({ ...unbalance, hazard: 'sensor_zero' })).toEqual(['minimum']);
});

it('puts every field into one part of the form', () => {
  expect(PARTS.flatMap((part) => part.fields).sort()).toEqual([...SETTING_FIELDS].sort());
});

it('names each edition once, with its hazards', () => {
  const set: RuleSet = { standard: 'GB 14287.2', edition: '2014', title: '', valid_from: '2015-06-01', valid_to: null, standing: 'in_force', in_force: true };
  const both = standardsOf([{ ...residual, rule_sets: [set] }, { ...residual, hazard: 'arc_fault', rule_sets: [{ ...set, standard: 'GB 14287.1' }, set] }]);
  expect(both.map((one) => [one.set.standard, one.hazards])).toEqual([['GB 14287.1', ['arc_fault']], ['GB 14287.2', ['residual_current', 'arc_fault']]]);
  expect(hourText(22.5)).toBe('22:30');
});

it('fills the form with what this level says itself', () => {
  expect(typedOf(residual)).toMatchObject({ alarm: '400', warning: '', enabled: '' });
});

it('knows the inherited value only where this level is silent', () => {
  expect(inherited(residual, 'warning')).toBe(300);
  expect(inherited(residual, 'alarm')).toBeUndefined();
});

it('has a unit per hazard', () => {
  expect(unitOf(residual, 'warning')).toBe('mA');
  expect(unitOf(residual, 'on_delay_s')).toBe('s');
  expect(unitOf(residual, 'latching')).toBe('');
});

describe('the patch', () => {
  it('takes an empty field for inherit', () => {
    expect(patchOf(residual, { ...typedOf(residual), alarm: '', enabled: 'false' })).toEqual({ patch: { enabled: false, warning: null, alarm: null, on_delay_s: null }, faults: [] });
  });

  it('refuses what is no number', () => {
    expect(patchOf(residual, { ...typedOf(residual), alarm: '4oo' }).faults).toEqual([{ field: 'alarm', code: 'not_a_number' }]);
    expect(patchOf(residual, { ...typedOf(residual), alarm: '-4' }).faults).toEqual([{ field: 'alarm', code: 'negative' }]);
  });

  it('refuses a warning above the alarm, at the field that was typed', () => {
    expect(patchOf(residual, { ...typedOf(residual), warning: '500' }).faults[0]).toMatchObject({ field: 'warning', code: 'above_alarm', params: { alarm: 400 } });
    expect(patchOf(residual, { ...typedOf(residual), alarm: '200' }).faults[0]).toMatchObject({ field: 'alarm', code: 'below_warning', params: { warning: 300 } });
  });

  it('turns the rule round for hazards that are broken from above', () => {
    const low: HazardSettings = { ...residual, hazard: 'under_voltage', is_low: true, own: {}, effective: { warning: { value: 198, origin }, alarm: { value: 176, origin } } };
    expect(patchOf(low, { ...typedOf(low), alarm: '180' }).faults).toEqual([]);
    expect(patchOf(low, { ...typedOf(low), alarm: '200' }).faults[0]).toMatchObject({ field: 'alarm', code: 'above_warning' });
  });
});
