/** What a first value says about the wiring, in one word. */

import type { Channel } from '@/api/types';

export type Verdict = 'waiting' | 'sensor' | 'alarm' | 'warning' | 'nothing' | 'good';

/** Voltage below this is a wire that is not connected, V. */
const DEAD_V = 50;

export function verdictOf(channel: Pick<Channel, 'value' | 'quality' | 'received_at' | 'quantity' | 'limits'>): Verdict {
  if (channel.received_at === null) return 'waiting';
  if (channel.quality !== 'good' && channel.quality !== 'stale_clock') return 'sensor';
  const value = channel.value;
  if (value === null) return 'waiting';
  const { warning, alarm, low_warning, low_alarm } = channel.limits;
  if ((alarm !== null && value > alarm) || (low_alarm !== null && value < low_alarm && value >= DEAD_V)) return 'alarm';
  if (channel.quantity === 'voltage' && value < DEAD_V) return 'nothing';
  if ((warning !== null && value > warning) || (low_warning !== null && value < low_warning)) return 'warning';
  return 'good';
}
