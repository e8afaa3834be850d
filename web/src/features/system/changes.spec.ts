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

it('writes a dash for nothing', () => {
  expect(said(null)).toBe('—');
  expect(said({ a: 1 })).toBe('{"a":1}');
});
