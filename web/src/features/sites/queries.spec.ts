import { expect, it } from 'vitest';
import { withPresent } from './kinds';
import { treeOptions } from './queries';

it('sets children in under their parents, and orphans at the top', () => {
  const options = treeOptions([
    { id: 4, name: '芦淞区', parent: 2 },
    { id: 2, name: '株洲市', parent: 1 },
    { id: 5, name: '攸县', parent: 2 },
    { id: 9, name: '别处', parent: 77 },
  ]);
  expect(options.map((option) => option.label)).toEqual(['株洲市', '\u2003芦淞区', '\u2003攸县', '别处']);
});

it('keeps a word of the operator among the choices', () => {
  const options = [{ value: 'mall', label: '商场' }];
  expect(withPresent(options, 'mall')).toHaveLength(1);
  expect(withPresent(options, '')).toHaveLength(1);
  expect(withPresent(options, '古玩城').at(-1)).toEqual({ value: '古玩城', label: '古玩城' });
});
