/** How an alarm's place and subject are said in one line. */

import type { Alarm } from '@/api/types';
import { phaseLetter } from '@/kit/format';

/** Panel / circuit, as far as they are known. */
export function circuitOf(alarm: Alarm): string {
  return [alarm.panel_name, alarm.circuit_name].filter((part) => part !== null && part !== '').join(' / ');
}

/** Channel with its phase, unless the channel's name already says it. */
export function channelOf(alarm: Alarm): string {
  const letter = phaseLetter(alarm.phase);
  const name = alarm.channel_name ?? '';
  return letter === '' || name.includes(letter) ? name : `${name} ${letter}`.trim();
}
