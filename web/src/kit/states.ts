/** Icon, colour and word of every state: never one of them without the others. */

import { CircleCheck, CircleDashed, OctagonAlert, TriangleAlert, WifiOff, Wrench, type LucideIcon } from '@lucide/vue';
import type { AlarmState, Severity, Status } from '@/api/types';

export type Tone = 'alarm' | 'warning' | 'fault' | 'blue' | 'grey' | 'plain';

export interface Look {
  icon: LucideIcon;
  tone: Tone;
  /** Message key of the word. */
  word: string;
}

export const STATUS_LOOK: Record<Status, Look> = {
  alarm: { icon: OctagonAlert, tone: 'alarm', word: 'vocabulary.status.alarm' },
  warning: { icon: TriangleAlert, tone: 'warning', word: 'vocabulary.status.warning' },
  fault: { icon: Wrench, tone: 'fault', word: 'vocabulary.status.fault' },
  offline: { icon: WifiOff, tone: 'grey', word: 'vocabulary.status.offline' },
  normal: { icon: CircleCheck, tone: 'plain', word: 'vocabulary.status.normal' },
  unknown: { icon: CircleDashed, tone: 'grey', word: 'vocabulary.status.unknown' },
};

export const SEVERITY_LOOK: Record<Severity, Look> = {
  alarm: { icon: OctagonAlert, tone: 'alarm', word: 'vocabulary.severity.alarm' },
  warning: { icon: TriangleAlert, tone: 'warning', word: 'vocabulary.severity.warning' },
  fault: { icon: Wrench, tone: 'fault', word: 'vocabulary.severity.fault' },
};

/** Worst first. */
export const STATUSES: readonly Status[] = ['alarm', 'warning', 'fault', 'offline', 'unknown', 'normal'];
export const SEVERITIES: readonly Severity[] = ['alarm', 'warning', 'fault'];

/** Whether nobody has yet said "I have it". */
export function awaitsAcknowledgement(state: AlarmState): boolean {
  return state === 'unacknowledged' || state === 'returned_unacknowledged' || state === 'latched_unacknowledged';
}

/** Whether the condition itself has gone and only the reset is missing. */
export function isLatched(state: AlarmState): boolean {
  return state === 'latched_unacknowledged' || state === 'latched_acknowledged';
}

export function conditionPresent(state: AlarmState): boolean {
  return state === 'unacknowledged' || state === 'acknowledged';
}
