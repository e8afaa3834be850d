import { describe, expect, it } from 'vitest';
import { admissionOf, emptyAdmission, emptyDetector, formFieldOf, NEW, type TypedAdmission } from './admission';

function typed(parts: Partial<TypedAdmission> = {}): TypedAdmission {
  return { ...emptyAdmission('adl3000'), site: '3', panel: '7', detectors: [{ ...emptyDetector('adl3000', 0), name: '总表', circuit_name: '后厨', rated_current_a: '32' }], ...parts };
}

describe('an admission', () => {
  it('makes a circuit on an existing panel without naming the site', () => {
    expect(admissionOf(typed(), 'cloud_7b7b')).toEqual({
      detectors: [{ profile_id: 'adl3000', unit_address: null, name: '总表', panel_id: 7, new_circuit: { name: '后厨', rated_current_a: 32, phases: 1, load_kind: '' } }],
      faults: [],
    });
  });

  it('makes site, panel and circuit at once', () => {
    const { detectors, faults } = admissionOf(typed({ site: NEW, site_name: '合泰', area_code: '430203', organisation_id: '1', panel_name: '总箱' }), 'cloud_7b7b');
    expect(faults).toEqual([]);
    expect(detectors[0]).toMatchObject({ new_site: { name: '合泰', area_code: '430203', organisation_id: 1 }, new_panel: { name: '总箱' }, new_circuit: { name: '后厨' } });
    expect(detectors[0]).not.toHaveProperty('panel_id');
  });

  it('goes to an existing circuit, or to a site without one', () => {
    const one = { ...emptyDetector('p', 0), name: 'a' };
    expect(admissionOf(typed({ detectors: [{ ...one, circuit: '12' }] }), 'cloud_7b7b').detectors[0]).toEqual({ profile_id: 'p', unit_address: null, name: 'a', circuit_id: 12 });
    expect(admissionOf(typed({ detectors: [{ ...one, circuit: '' }] }), 'cloud_7b7b').detectors[0]).toEqual({ profile_id: 'p', unit_address: null, name: 'a', site_id: 3 });
  });

  it('names every field that is missing', () => {
    const { faults } = admissionOf(emptyAdmission(null), 'modbus_rtu');
    expect(faults.map((fault) => fault.field)).toEqual(['site', 'panel_name', 'detectors[0].profile_id', 'detectors[0].name', 'detectors[0].circuit_name']);
  });

  it.each([
    ['0', 'out_of_range'],
    ['248', 'out_of_range'],
    ['1.5', 'out_of_range'],
    ['x', 'out_of_range'],
    ['', 'missing'],
  ])('refuses the unit address %j', (unit_address, code) => {
    const { faults } = admissionOf(typed({ detectors: [{ ...emptyDetector('p', 0), name: 'a', circuit: '1', unit_address }] }), 'modbus_rtu');
    expect(faults).toMatchObject([{ field: 'detectors[0].unit_address', code }]);
  });

  it('refuses one unit address twice', () => {
    const one = { ...emptyDetector('p', 0), name: 'a', circuit: '1' };
    expect(admissionOf(typed({ detectors: [one, { ...one }] }), 'modbus_rtu').faults).toMatchObject([{ field: 'detectors[1].unit_address', code: 'taken' }]);
  });
});

it('puts the server’s refusal at the field of the form', () => {
  expect(formFieldOf('detectors[1].new_circuit.name')).toBe('detectors[1].circuit_name');
  expect(formFieldOf('detectors[0].new_site.area_code')).toBe('area_code');
  expect(formFieldOf('detectors[0].profile_id')).toBe('detectors[0].profile_id');
});
