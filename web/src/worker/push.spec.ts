import { describe, expect, it } from 'vitest';
import { placeOf, readPush, wordsOf } from './push';

const whole = { v: 1, title: '报警', body: '剩余电流', severity: 'alarm', language: 'zh-CN', group: 'site-7', link: 'https://ew.example/alarms/9', acknowledge_link: 'https://ew.example/a/x' };

describe('a pushed message', () => {
  it('is read as it was sent', () => expect(readPush(whole)).toEqual(whole));
  it('is none of another version or without a title', () => {
    expect(readPush({ ...whole, v: 2 })).toBeNull();
    expect(readPush({ ...whole, title: '' })).toBeNull();
    expect(readPush('text')).toBeNull();
  });
  it('does without what may be absent', () => expect(readPush({ v: 1, title: 't' })).toEqual({ v: 1, title: 't', body: '', severity: 'fault', language: 'zh-CN', group: 'emberwatch', link: null, acknowledge_link: null }));
});

describe('where a message leads', () => {
  it('is inside the application', () => expect(placeOf('https://ew.example/alarms/9?x=1', 'https://ew.example')).toBe('/alarms/9?x=1'));
  it('is the alarms when the link leads elsewhere', () => {
    expect(placeOf('https://evil.example/', 'https://ew.example')).toBe('/alarms');
    expect(placeOf('javascript:alert(1)', 'https://ew.example')).toBe('/alarms');
    expect(placeOf(null, 'https://ew.example')).toBe('/alarms');
  });
});

it('speaks Chinese to whom it does not know', () => expect(wordsOf('fr').open).toBe('查看'));
