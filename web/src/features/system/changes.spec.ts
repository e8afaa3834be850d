import { expect, it } from 'vitest';
import { changesOf, said } from './changes';

it('lists only what differs, and never the version', () => {
  expect(changesOf({ name: 'a', lon: 1, version: 1 }, { name: 'b', lon: 1, version: 2 })).toEqual([{ field: 'name', before: 'a', after: 'b' }]);
});

it('lists everything of what was made or deleted', () => {
  expect(changesOf(null, { name: 'a', kind: null })).toEqual([{ field: 'name', before: null, after: 'a' }]);
  expect(changesOf({ name: 'a' }, null)).toEqual([{ field: 'name', before: 'a', after: null }]);
});

it('compares what lies deeper by what it holds', () => {
  expect(changesOf({ grants: [{ role: 'owner' }] }, { grants: [{ role: 'owner' }] })).toEqual([]);
  expect(changesOf('x', 'y')).toEqual([{ field: '·', before: 'x', after: 'y' }]);
});

it('names what lies deeper by its path', () => {
  expect(changesOf({ account: { name: 'a', lang: 'en' } }, { account: { name: 'b', lang: 'en' } })).toEqual([{ field: 'account.name', before: 'a', after: 'b' }]);
});

it('writes moments as moments', () => {
  expect(said(5, 'admitted_at', (at) => `t${at}`)).toBe('t5');
  expect(said(5, 'account.locked_until', (at) => `t${at}`)).toBe('t5');
  expect(said(5, 'format', (at) => `t${at}`)).toBe('5');
});

it('writes a dash for nothing', () => {
  expect(said(null)).toBe('—');
  expect(said({ a: 1 })).toBe('{"a":1}');
});
