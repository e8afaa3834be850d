/** Shapes of telling people: media, routes, ladders, duty calendars, contacts, notices. */

import type { Answer } from '@/api/answer';
import type { components } from '@/api/schema';

type Schemas = components['schemas'];

export type Medium = Answer<Schemas['Medium']>;
export type Route = Answer<Schemas['Route']>;
export type Ladder = Answer<Schemas['TellingLadder']>;
export type LadderStep = Answer<Schemas['LadderStep']>;
export type Recipient = Schemas['Recipient'];
export type Duty = Answer<Schemas['Duty']>;
export type DutyShift = Answer<Schemas['DutyShift']>;
export type Hours = Answer<Schemas['Hours']>;
export type Contact = Answer<Schemas['Contact']>;
export type Notice = Answer<Schemas['Notice']>;
export type Why = Answer<Schemas['Why']>;

/** What the platform ships under this name is said in the reader's language. */
export const SHIPPED = 'default';
