/**
 * The shapes that the API speaks. Times are RFC 3339 in UTC, values are plain numbers in the unit that
 * stands beside them, ids are integers.
 */

export type Severity = 'alarm' | 'warning' | 'fault';
export type AlarmClass = 'hazard' | 'fault';
export type Hazard =
  | 'residual_current'
  | 'over_temperature'
  | 'over_voltage'
  | 'under_voltage'
  | 'overload'
  | 'phase_loss'
  | 'short_circuit'
  | 'arc_fault'
  | 'power_failure'
  | 'offline'
  | 'sensor_open'
  | 'sensor_short'
  | 'device_fault'
  | 'implausible'
  | 'frozen'
  | 'clock_wrong'
  | 'supply_lost'
  | 'weak_signal';
export type AlarmState =
  | 'unacknowledged'
  | 'acknowledged'
  | 'returned_unacknowledged'
  | 'latched_unacknowledged'
  | 'latched_acknowledged'
  | 'closed';
export type Quantity =
  | 'residual_current'
  | 'conductor_temperature'
  | 'ambient_temperature'
  | 'current'
  | 'voltage'
  | 'active_power'
  | 'reactive_power'
  | 'apparent_power'
  | 'power_factor'
  | 'frequency'
  | 'energy'
  | 'neutral_current'
  | 'arc_count'
  | 'signal_strength'
  | 'switch'
  | 'device';
export type Phase = 'a' | 'b' | 'c' | 'n' | 'total';
export type Quality = 'good' | 'sensor_open' | 'sensor_short' | 'implausible' | 'device_fault' | 'stale_clock';
/** Condition of a site or detector, worst first; `unknown` = never heard. */
export type Status = 'alarm' | 'warning' | 'fault' | 'offline' | 'normal' | 'unknown';
export type Language = 'zh-CN' | 'zh-TW' | 'en';
export type Permission =
  | 'view'
  | 'alarm.acknowledge'
  | 'alarm.reset'
  | 'alarm.comment'
  | 'device.admit'
  | 'device.configure'
  | 'settings.edit'
  | 'people.manage'
  | 'audit.view'
  | 'telegram.view'
  | 'token.manage';
export type Role = 'administrator' | 'safety_manager' | 'operator' | 'electrician' | 'owner' | 'regulator';

export interface Page<T> {
  items: T[];
  next_cursor: string | null;
  total: number | null;
}

export interface Session {
  user: { id: number; login: string; name: string; language: Language; must_change_password: boolean };
  roles: Role[];
  permissions: Permission[];
  scope: { organisations: { id: number; name: string }[]; areas: { code: string; name: string }[]; everything: boolean };
  csrf_token: string;
  server: { version: string; name: string; now: string; zone: string; demo: boolean };
}

export interface Overview {
  counts: Record<'sites' | 'detectors' | Status, number>;
  alarms_today: number;
  alarms_usual: number | null;
  unacknowledged: number;
  waiting: { pending_terminals: number; unacknowledged: number; latched: number };
  worst: {
    site_id: number;
    site_name: string;
    status: Status;
    open_alarm: number;
    open_warning: number;
    open_fault: number;
    longest_open_since: string | null;
  }[];
  by_area: { area_code: string; name: string; sites: number; alarm: number; warning: number; fault: number; offline: number }[];
  by_hazard: { hazard: Hazard; open: number }[];
  storage: { used_bytes: number; limit_bytes: number; warning: boolean };
  intake: { readings_per_s: number; confirmed_total: number; refused_total: number; telegrams_dropped_total: number };
}

export interface MapSite {
  id: number;
  name: string;
  lon: number;
  lat: number;
  status: Status;
  area_code: string;
  open: number;
}

export interface Alarm {
  id: number;
  site_id: number;
  site_name: string;
  area_code: string;
  organisation_id: number;
  detector_id: number;
  detector_name: string;
  channel_id: number | null;
  channel_name: string | null;
  quantity: Quantity | null;
  phase: Phase | null;
  unit: string | null;
  panel_name: string | null;
  circuit_id: number | null;
  circuit_name: string | null;
  hazard: Hazard;
  class: AlarmClass;
  severity: Severity;
  worst_severity: Severity;
  state: AlarmState;
  raised_at: string;
  returned_at: string | null;
  acknowledged_at: string | null;
  acknowledged_by: string | null;
  closed_at: string | null;
  close_reason: string | null;
  late: boolean;
  reported_by_device: boolean;
  limit: number | null;
  current_value: number | null;
  worst_value: number | null;
  current_at: string | null;
  version: number;
}

export type AlarmEvent =
  | 'raised'
  | 'escalated'
  | 'deescalated'
  | 'returned'
  | 'acknowledged'
  | 'unacknowledged'
  | 'reset'
  | 'closed'
  | 'commented'
  | 'worst';

export interface AlarmTransition {
  id: number;
  at: string;
  event: AlarmEvent;
  from_state: AlarmState | null;
  to_state: AlarmState;
  severity: Severity;
  value: number | null;
  actor: { kind: 'system' | 'user' | 'device'; name: string | null };
  reason: string | null;
  comment: string | null;
}

export interface AlarmDetail extends Alarm {
  transitions: AlarmTransition[];
  guidance: { owner: string[]; electrician: string[] };
}

export interface CurveSeries {
  channel_id: number;
  quantity: Quantity;
  unit: string;
  /** [time in ms, min, mean, max, last] per step */
  points: [number, number, number, number, number][];
  gaps: [number, number][];
}

export interface CurveLimit {
  channel_id: number;
  severity: 'warning' | 'alarm';
  direction: 'high' | 'low';
  value: number;
}

export interface Curve {
  step_s: number;
  from: string;
  to: string;
  series: CurveSeries[];
  limits: CurveLimit[];
  alarms: { alarm_id: number; channel_id: number; hazard: Hazard; severity: Severity; from: string; to: string | null }[];
}

/** One channel of a detector with its newest value. */
export interface Channel {
  id: number;
  name: string;
  point: string;
  quantity: Quantity;
  phase: Phase | null;
  unit: string;
  decimals: number;
  value: number | null;
  quality: Quality;
  measured_at: string | null;
  received_at: string | null;
  stale: boolean;
  stale_after_s: number;
  limits: { warning: number | null; alarm: number | null; low_warning: number | null; low_alarm: number | null };
  open_alarm: { id: number; severity: Severity } | null;
}

/** Events of the live stream, by name. */
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
  pending: { id: number };
  changed: { what: string };
  storage: { warning: boolean; full: boolean };
  ping: { server_now: string };
}
