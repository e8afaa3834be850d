/** Shapes of `/system` and `/audit`. */

export interface SystemFacts {
  version: string;
  started_at: string;
  roles: string[];
  data_dir_bytes: number;
  disk_free_bytes: number;
  storage_limit_bytes: number;
  store_full: boolean;
  queues: { name: string; len: number; bound: number; when_full: string }[];
  connections: number;
  terminals_connected: number;
  live_streams: number;
  readings_per_s: number;
  counters: Record<string, number>;
  telegram_dropped: number;
}

export interface AuditEntry {
  id: number;
  at: string;
  actor: string;
  actor_kind: string;
  action: string;
  object_kind: string;
  object_id: string;
  object_name: string;
  before: unknown;
  after: unknown;
  remote: string;
  hash: string;
}

export interface AuditVerdict {
  entries: number;
  intact: boolean;
  first_broken: number | null;
}
