/** Shapes of `/detectors`, `/terminals` and `/profiles`. */

import type { Channel, Quantity, Phase, Status } from '@/api/types';

export type Protocol = 'cloud_7b7b' | 'modbus_rtu';

export interface Detector {
  id: number;
  name: string;
  serial: string;
  terminal_id: number;
  unit_address: number | null;
  profile_id: string;
  profile_name: string;
  site_id: number;
  site_name: string;
  circuit_id: number | null;
  circuit_name: string | null;
  status: Status;
  last_heard_at: string | null;
  signal: number | null;
  verified: boolean;
  version: number;
}

/** A terminal as a detector's page shows it. */
export interface Terminal {
  id: number;
  serial: string;
  protocol: Protocol;
  iccid: string | null;
  signal: number | null;
  firmware: string | null;
  connected: boolean;
  connected_at: string | null;
  remote: string | null;
  last_heard_at: string | null;
}

export interface DetectorDetail extends Detector {
  terminal: Terminal;
  profile: { id: string; name: string; verified: boolean; source: string };
  channels: Channel[];
  supervision: { interval_s: number; offline_after_s: number };
}

export interface TerminalEvent {
  id: number;
  at: string;
  event: string;
  detail: string;
  remote: string;
}

/** A terminal by itself, with what happened to it. */
export interface TerminalDetail {
  id: number;
  serial: string;
  protocol: Protocol;
  admission: 'pending' | 'admitted' | 'refused';
  iccid: string | null;
  /** The SIM that was seen last; another than the pinned one waits for a person. */
  seen_iccid: string | null;
  events: TerminalEvent[];
}

export interface TelegramField {
  offset: number;
  len: number;
  name: string;
  value: string;
}

export interface Telegram {
  id: number;
  at: string;
  direction: 'up' | 'down';
  protocol: string;
  /** The bytes as hex digits, cut at the log's limit. */
  hex: string;
  /** How many bytes there really were. */
  length: number;
  refused: boolean;
  reason: string | null;
  clause: string | null;
  fields: TelegramField[];
}

export interface Profile {
  id: string;
  name: string;
  maker: string;
  kind: Protocol;
  verified: boolean;
  source: string;
  interval_s: number;
  points: number;
  detectors: number;
}

export interface ProfilePoint {
  code: string;
  name: string;
  quantity: Quantity;
  phase: Phase | null;
  unit: string;
  decimals: number;
  address: number;
  format: string;
}

export interface ProfileDetail extends Omit<Profile, 'points'> {
  points: ProfilePoint[];
  statuses: { code: string; address: number; mask: number; meanings: number }[];
  can_reset: boolean;
  /** The file itself, where the reader may see it. */
  text: string | null;
}
