import { describe, expect, it } from 'vitest';
import { groupFields, mayMove, mistakeAt, mistakeIn, moved, newPoint, numberOf, pointFields, severitiesOf, statusFields } from './form';
import { skeleton } from './skeletons';
import type { FormPoint } from './types';

const last: FormPoint = { at: 0, code: 'residual', name: '剩余电流', quantity: 'residual_current', phase: '', function: '4', segment: '', address: '0x000F', format: 'u32', key: '', multiply: '', group: '', scale: '0.1', least: '', greatest: '', invalid: [], more: '' };

describe('fields', () => {
  it('follow the protocol', () => {
    const keys = (protocol: string): string[] => pointFields(protocol).map((field) => field.key);
    expect(keys('modbus_rtu')).toEqual(expect.arrayContaining(['address', 'format']));
    expect(keys('modbus_rtu')).not.toContain('segment');
    expect(keys('cloud_7b7b')).toContain('segment');
    expect(keys('telemetry')).toEqual(expect.arrayContaining(['key', 'multiply', 'group']));
    expect(keys('telemetry')).not.toContain('address');
    expect(statusFields('dlt645').map((field) => field.key)).toContain('key');
    expect(groupFields('cloud_7b7b').map((field) => field.key)).not.toContain('every_s');
  });

  it('offer only severities that a hazard can have', () => {
    expect(severitiesOf('sensor_open')).toEqual(['fault']);
    expect(severitiesOf('residual_current')).toEqual(['warning', 'alarm']);
  });
});

describe('points', () => {
  it('come behind the last one, at the next register', () => {
    expect(newPoint([last], 'modbus_rtu')).toMatchObject({ at: null, code: 'point_2', address: '0x0011', format: 'u32', function: '4', scale: '0.1' });
    expect(newPoint([], 'modbus_rtu')).toMatchObject({ code: 'point_1', address: '0x0000', format: 'u16' });
    expect(newPoint([last], 'telemetry')).toMatchObject({ address: '', format: '' });
    expect(newPoint([{ ...last, code: 'point_2' }], 'modbus_rtu').code).toBe('point_3');
  });

  it('that are stored do not move', () => {
    expect(mayMove(0, 1, 2, 4)).toBe(false);
    expect(mayMove(2, -1, 2, 4)).toBe(false);
    expect(mayMove(2, 1, 2, 4)).toBe(true);
    expect(mayMove(3, 1, 2, 4)).toBe(false);
    expect(mayMove(1, -1, 0, 2)).toBe(true);
    expect(moved(['a', 'b', 'c'], 2, -1)).toEqual(['a', 'c', 'b']);
  });
});

describe('numbers', () => {
  it.each([['0x0010', 16], ['30_000', 30000], ['0b11', 3], ['-40', -40], ['', null], ['oops', null], ['0.1', null]])('reads %s', (written, wanted) => {
    expect(numberOf(written)).toBe(wanted);
  });
});

describe('mistakes', () => {
  const mistake = { line: 3, column: 1, field: 'points[1].range[1]', code: 'out_of_range', params: {}, reason: 'too great' };
  it('stand at their field', () => {
    expect(mistakeAt(mistake, 'points[1].greatest')).toBe('too great');
    expect(mistakeAt(mistake, 'points[1].least')).toBeNull();
    expect(mistakeAt({ ...mistake, field: 'points[1].code' }, 'points[1].code')).toBe('too great');
    expect(mistakeAt(null, 'name')).toBeNull();
  });

  it('open the row that they are in', () => {
    expect(mistakeIn(mistake, 'points[1]')).toBe(true);
    expect(mistakeIn(mistake, 'points[11]')).toBe(false);
    expect(mistakeIn(mistake, 'points')).toBe(true);
  });
});

describe('skeletons', () => {
  it.each(['modbus_rtu', 'cloud_7b7b', 'telemetry', 'gb26875', 'gateway_1f1f', 'dlt645'])('begin a profile of %s', (protocol) => {
    const text = skeleton(protocol, 'My "relay"', 'Us');
    expect(text).toContain(`protocol = "${protocol}"`);
    expect(text).toContain('name = "My \\"relay\\""');
    expect(text).toContain('[[points]]');
  });
});
