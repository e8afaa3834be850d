import { describe, expect, it } from 'vitest';
import { doorsOf, kindsOf, reachable } from './access';

describe('access', () => {
  const doors = [
    { door: 'mqtt', address: '0.0.0.0:1883' },
    { door: 'field', address: '0.0.0.0:7070' },
  ];

  it('shows a device the doors of its protocol only', () => {
    expect(doorsOf('telemetry', doors).map((one) => one.door)).toEqual(['mqtt']);
    expect(doorsOf('cloud_7b7b', doors).map((one) => one.door)).toEqual(['field']);
  });

  it('names the server where the address means all of them', () => {
    expect(reachable('0.0.0.0:1883', 'fire.example')).toBe('fire.example:1883');
    expect(reachable('[::]:1883', 'fire.example')).toBe('fire.example:1883');
    expect(reachable('192.0.2.7:1883', 'fire.example')).toBe('192.0.2.7:1883');
  });

  it('offers what the protocol can make use of', () => {
    expect(kindsOf('telemetry')[0]).toBe('token');
    expect(kindsOf('gateway_1f1f')).not.toContain('token');
  });
});
