import { expect, it } from 'vitest';
import { clockOf, daysWords, minutesOf } from './hours';

it('writes and reads times of day', () => {
  for (const minutes of [0, 59, 60, 510, 1439, 1440]) expect(minutesOf(clockOf(minutes))).toBe(minutes);
  for (const wrong of ['', '8', '8:7', '24:01', '12:60', 'noon']) expect(minutesOf(wrong), wrong).toBeNull();
});

it('says days in a row as a row', () => {
  const t = (key: string, named?: Record<string, unknown>): string => (named === undefined ? key : `${String(named['from'])}-${String(named['to'])}`);
  expect(daysWords([], t)).toBe('telling.every_day');
  expect(daysWords([5, 1, 2, 3, 4], t)).toBe('telling.day.1-telling.day.5');
  expect(daysWords([6, 7], t)).toBe(`telling.day.6common.list_gaptelling.day.7`);
});
