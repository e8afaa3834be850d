import { describe, expect, it } from 'vitest';
import { nameOf, telOf, type Somebody } from './record';

const WORDS: Record<string, string> = { 'alarms.record.capacity.electrician': '电工', 'alarms.record.capacity.fire_brigade': '消防' };
const t = (key: string, named: Record<string, string>): string => (key === 'alarms.record.who' ? `${named['name']}（${named['capacity']}）` : (WORDS[key] ?? key));
const whom = (said: Partial<Somebody>): Somebody => ({ capacity: 'electrician', name: '', phone: '', account_id: null, ...said });

describe('numbers to dial', () => {
  it('keep digits, the plus and an extension', () => {
    expect(telOf('+86 138-0013-8000')).toBe('tel:+8613800138000');
    expect(telOf('(0731) 8888 1234,201')).toBe('tel:073188881234,201');
  });
});

describe('who it was', () => {
  it('is the name with what they are', () => {
    expect(nameOf(whom({ name: '李师傅' }), t)).toBe('李师傅（电工）');
  });
  it('is what they are where no name is known', () => {
    expect(nameOf(whom({ capacity: 'fire_brigade', phone: '119' }), t)).toBe('消防');
  });
  it('is the number where nothing else is known', () => {
    expect(nameOf(whom({ capacity: 'other', phone: '13800138000' }), t)).toBe('13800138000');
  });
});
