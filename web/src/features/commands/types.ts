/** Commands as the screens use them. */

import type { Answer } from '@/api/answer';
import type { components } from '@/api/schema';

type Schemas = components['schemas'];

export type Command = Answer<Schemas['Command']>;
export type CommandDetail = Answer<Schemas['CommandDetail']>;
export type CommandOption = Answer<Schemas['CommandOption']>;
export type CommandOptions = Answer<Schemas['CommandOptions']>;
export type CommandBatch = Answer<Schemas['CommandBatch']>;
export type CommandState = Schemas['CommandState'];
export type CommandKind = Schemas['CommandKind'];
export type NewCommand = Schemas['NewCommand'];
export type WhatIf = Answer<Schemas['WhatIf']>;

export const STATES: readonly CommandState[] = ['awaiting_approval', 'queued', 'sent', 'acknowledged', 'outcome_unknown', 'verified', 'not_verified', 'refused', 'failed', 'expired', 'cancelled'];
export const KINDS: readonly CommandKind[] = ['self_test', 'mute', 'reset', 'trip', 'close', 'set_point', 'reporting_period', 'clock', 'raw_read'];
/** What can be asked of many detectors at once. */
export const BATCH_KINDS: readonly CommandKind[] = ['self_test', 'mute', 'reset', 'set_point', 'reporting_period', 'clock'];

/** How a state looks: what went well is quiet, what did not is said in colour. */
export function toneOf(command: Pick<Command, 'state' | 'open'>): 'open' | 'done' | 'bad' | 'over' {
  switch (command.state) {
    case 'verified':
      return 'done';
    case 'acknowledged':
      return command.open ? 'open' : 'done';
    case 'awaiting_approval':
    case 'queued':
    case 'sent':
      return 'open';
    case 'outcome_unknown':
      return command.open ? 'open' : 'bad';
    case 'not_verified':
    case 'refused':
    case 'failed':
      return 'bad';
    case 'expired':
    case 'cancelled':
      return 'over';
  }
}
