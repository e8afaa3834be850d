/**
 * The shapes that the API speaks, from its checked-in description (`npm run generate`). Times are RFC 3339 in UTC,
 * values are plain numbers in the unit that stands beside them, ids are integers.
 */

import type { Answer } from './answer';
import type { components } from './schema';

type Schemas = components['schemas'];

export type Severity = Schemas['Severity'];
export type AlarmClass = Schemas['Class'];
export type Hazard = Schemas['Hazard'];
export type Verdict = Schemas['Verdict'];
export type AlarmState = Schemas['AlarmState'];
export type AlarmEvent = Schemas['AlarmEvent'];
export type Quantity = Schemas['Quantity'];
export type Phase = Schemas['Phase'];
export type Quality = Schemas['Quality'];
/** Condition of a site or detector, worst first; `unknown` = never heard. */
export type Status = Schemas['Status'];
export type Language = Schemas['Language'];
export type Permission = Schemas['Permission'];
export type Role = Schemas['Role'];

export interface Page<T> {
  items: T[];
  next_cursor: string | null;
  total: number | null;
}

export type Session = Answer<Schemas['Session']>;
export type Overview = Answer<Schemas['Overview']>;
export type MapSite = Answer<Schemas['MapSite']>;
export type Alarm = Answer<Schemas['Alarm']>;
export type AlarmTransition = Answer<Schemas['Transition']>;
export type AlarmDetail = Answer<Schemas['AlarmDetail']>;
/** Begin of the step in ms since 1970 UTC, least, mean, greatest, last: the description cannot say how long a row is. */
export type CurvePoint = [number, number, number, number, number];
export type CurveSeries = Omit<Answer<Schemas['CurveSeries']>, 'points' | 'gaps'> & { points: CurvePoint[]; gaps: [number, number][] };
export type Curve = Omit<Answer<Schemas['Curve']>, 'series'> & { series: CurveSeries[] };
export type CurveLimit = Answer<Schemas['CurveLimit']>;
export type MaintenanceWindow = Answer<Schemas['MaintenanceWindow']>;
export type AlarmMetrics = Answer<Schemas['AlarmMetrics']>;
/** One channel of a detector with its newest value. */
export type Channel = Answer<Schemas['Channel']>;

/** Events of the live stream, by name; the description of the API knows the stream only as text. */
export interface LiveEvents {
  hello: { boot: string; seq: number; server_now: string };
  gap: { reason: string };
  alarm: Alarm;
  values: {
    detector_id: number;
    site_id: number;
    status: Status;
    channels: { id: number; value: number | null; quality: Quality; measured_at: string | null; received_at: string | null }[];
  };
  status: { detector_id: number; site_id: number; status: Status };
  terminal: { terminal_id: number; event: string };
  command: { id: number; detector_id: number; state: string };
  pending: { id: number };
  changed: { what: string };
  /** A spreadsheet on its way in; `file` is the SHA-256 of its bytes. */
  import: { file: string; done: number; total: number; failed: boolean };
  storage: { warning: boolean; full: boolean; state: Schemas['StorageState'] };
  ping: { server_now: string };
}
