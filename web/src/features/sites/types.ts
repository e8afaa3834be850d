/** Shapes of `/sites`, `/panels`, `/circuits`, `/organisations` and `/areas`. */

import type { Channel, Status } from '@/api/types';

export interface Site {
  id: number;
  name: string;
  address: string;
  area_code: string;
  area_name: string;
  organisation_id: number;
  organisation_name: string;
  premises_kind: string;
  lon: number | null;
  lat: number | null;
  zone: string;
  status: Status;
  counts: { detectors: number; alarm: number; warning: number; fault: number; offline: number };
  contact_name: string;
  contact_phone: string;
  version: number;
}

export interface TreeDetector {
  id: number;
  name: string;
  profile_id: string;
  status: Status;
  last_heard_at: string | null;
  channels: Channel[];
}

export interface TreeCircuit {
  id: number;
  name: string;
  rated_current_a: number | null;
  phases: number;
  load_kind: string;
  version: number;
  detectors: TreeDetector[];
}

export interface TreePanel {
  id: number;
  name: string;
  location: string;
  version: number;
  circuits: TreeCircuit[];
}

export interface SiteTree {
  site: Site;
  panels: TreePanel[];
  unplaced_detectors: TreeDetector[];
}

export interface Organisation {
  id: number;
  name: string;
  parent_id: number | null;
  path: string;
  kind: string;
  version: number;
}

export interface Area {
  code: string;
  name: string;
  parent_code: string | null;
}
