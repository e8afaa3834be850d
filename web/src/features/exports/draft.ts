/** What is asked for, from what was typed. */

import type { Quantity } from '@/api/types';
import { dayStart } from '@/kit/time';
import type { ExportDraft } from './queries';

export const STEPS = ['reading', 'quarter_hour', 'hour', 'day'] as const;
export const FORMATS = ['csv', 'xlsx', 'parquet'] as const;

/** Where the readings come from: a detector, or a site and what is on it. */
export type Of = { detector: number } | { site: number };

export interface Typed {
  /** First and last day in the zone of the site. */
  from: string;
  to: string;
  step: string;
  format: string;
  /** Of a detector: channels by id. */
  channels: readonly string[];
  /** Of a site: quantities, and one circuit or ''. */
  quantities: readonly string[];
  circuit: string;
}

const DAY_MS = 86_400_000;

/** The day after a day, both `2026-11-24`. */
export function dayAfter(day: string): string {
  const at = Date.parse(`${day}T00:00:00Z`);
  return Number.isFinite(at) ? new Date(at + DAY_MS).toISOString().slice(0, 10) : '';
}

export function draftOf(of: Of, typed: Typed, zone: string, language: ExportDraft['language']): ExportDraft {
  const step = STEPS.find((one) => one === typed.step) ?? 'reading';
  const format = FORMATS.find((one) => one === typed.format) ?? 'csv';
  const draft: ExportDraft = { from: dayStart(typed.from, zone), to: dayStart(dayAfter(typed.to), zone), step, format };
  if (language !== undefined) draft.language = language;
  if ('detector' in of) {
    if (typed.channels.length > 0) draft.channel_ids = typed.channels.map(Number);
    else draft.detector_id = of.detector;
    return draft;
  }
  if (typed.circuit === '') draft.site_id = of.site;
  else draft.circuit_id = Number(typed.circuit);
  if (typed.quantities.length > 0) draft.quantities = typed.quantities as Quantity[];
  return draft;
}

/** `1234567` bytes as people say it. */
export function bytesText(bytes: number): string {
  const units = ['B', 'KB', 'MB', 'GB'] as const;
  let value = bytes;
  let at = 0;
  while (value >= 1000 && at < units.length - 1) {
    value /= 1000;
    at += 1;
  }
  return `${at === 0 ? value : value.toFixed(1)} ${units[at]}`;
}
