import { expect, it } from 'vitest';
import { bytesOf, inField, rowsOfBytes } from './hex';

const fields = [
  { offset: 0, len: 2, name: 'start', value: '{{' },
  { offset: 2, len: 4, name: 'body', value: '' },
  { offset: 3, len: 1, name: 'inner', value: '5' },
];

it('gives each byte its narrowest field', () => {
  expect(bytesOf('7b7b 0102 0304 ff', fields).map((byte) => byte.field)).toEqual([0, 0, 1, 2, 1, 1, -1]);
});

it('drops half a byte and writes capitals', () => {
  expect(bytesOf('7b7', []).map((byte) => byte.text)).toEqual(['7B']);
});

it('writes rows with their offset and what can be printed', () => {
  const rows = rowsOfBytes(bytesOf('7b7b41007d7d', []), 4);
  expect(rows.map((row) => [row.at, row.text])).toEqual([
    ['0000', '{{A·'],
    ['0004', '}}'],
  ]);
});

it('knows what lies in a field', () => {
  expect(inField(fields[1], 5)).toBe(true);
  expect(inField(fields[1], 6)).toBe(false);
  expect(inField(undefined, 0)).toBe(false);
});
