import { describe, expect, it } from 'vitest';
import { bytesText, dayAfter, draftOf, type Typed } from './draft';

const typed: Typed = { from: '2026-11-01', to: '2026-11-30', step: 'hour', format: 'xlsx', channels: [], quantities: [], circuit: '' };

describe('draft', () => {
  it('takes whole days in the zone of the site', () => {
    const draft = draftOf({ detector: 7 }, typed, 'Asia/Shanghai', 'zh-CN');
    expect(draft).toEqual({ detector_id: 7, from: '2026-10-31T16:00:00.000Z', to: '2026-11-30T16:00:00.000Z', step: 'hour', format: 'xlsx', language: 'zh-CN' });
    expect(dayAfter('2026-12-31')).toBe('2027-01-01');
    expect(dayAfter('')).toBe('');
  });

  it('names exactly one of what can be named', () => {
    expect(draftOf({ detector: 7 }, { ...typed, channels: ['3', '4'] }, 'UTC', undefined)).toMatchObject({ channel_ids: [3, 4] });
    expect(draftOf({ detector: 7 }, { ...typed, channels: ['3'] }, 'UTC', undefined)).not.toHaveProperty('detector_id');
    expect(draftOf({ site: 2 }, { ...typed, quantities: ['current'] }, 'UTC', undefined)).toMatchObject({ site_id: 2, quantities: ['current'] });
    const circuit = draftOf({ site: 2 }, { ...typed, circuit: '9' }, 'UTC', undefined);
    expect(circuit).toMatchObject({ circuit_id: 9 });
    expect(circuit).not.toHaveProperty('site_id');
  });

  it('says sizes', () => {
    expect([bytesText(12), bytesText(1_500), bytesText(2_340_000)]).toEqual(['12 B', '1.5 KB', '2.3 MB']);
  });
});
