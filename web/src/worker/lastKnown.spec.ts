import { expect, it } from 'vitest';
import { isKeptAddress } from './lastKnown';

it('keeps what a person at the box needs', () => {
  for (const path of ['/session', '/alarms', '/alarms/17', '/sites/3/tree', '/detectors/5', '/overview']) expect(isKeptAddress(`/api/v1${path}`), path).toBe(true);
});

it('keeps nothing of people, programs, files or streams', () => {
  for (const path of ['/users', '/tokens', '/audit', '/live', '/alarms/export.csv', '/detectors/5/telegrams', '/terminals/1/credentials', '/pictures/2']) expect(isKeptAddress(`/api/v1${path}`), path).toBe(false);
});
