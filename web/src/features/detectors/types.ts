/** Shapes of `/detectors` and `/terminals`. */

import type { Answer } from '@/api/answer';
import type { components } from '@/api/schema';

type Schemas = components['schemas'];

export type Protocol = Schemas['Protocol'];

export type Detector = Answer<Schemas['Detector']>;

/** A terminal as a detector's page shows it. */
export type Terminal = Answer<Schemas['DetectorTerminal']>;

export type DetectorDetail = Answer<Schemas['DetectorDetail']>;

export type TerminalEvent = Answer<Schemas['TerminalEvent']>;

/** A terminal by itself, with what happened to it. */
export type TerminalDetail = Answer<Schemas['Terminal']>;

export type TelegramField = Answer<Schemas['TelegramField']>;

export type Telegram = Answer<Schemas['Telegram']>;

export type CredentialKind = Schemas['CredentialKind'];

/** A terminal's proof of who it is, without its secret. */
export type Credential = Answer<Schemas['Credential']>;
