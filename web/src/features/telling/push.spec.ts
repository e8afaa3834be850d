import { expect, it } from 'vitest';
import { bytesOf } from './push';

it('reads a key as its bytes', () => {
  expect([...bytesOf('AP-_AQ')]).toEqual([0, 255, 191, 1]);
});
