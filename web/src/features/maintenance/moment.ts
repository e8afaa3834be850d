/** Moments as a `datetime-local` field has them, in the zone of the premises and not of the reader. */

import { offsetMinutes } from '@/kit/time';

const MINUTE_MS = 60_000;

/** `2026-11-24T18:30` in a zone as RFC 3339 in UTC; nothing typed is `null`. */
export function momentOf(typed: string, zone: string): string | null {
  const asUtc = Date.parse(`${typed}Z`);
  if (!Number.isFinite(asUtc)) return null;
  // The offset at the moment itself, which the first guess only comes near.
  const near = asUtc - offsetMinutes(zone, asUtc) * MINUTE_MS;
  return new Date(asUtc - offsetMinutes(zone, near) * MINUTE_MS).toISOString();
}

/** A moment as the field wants it. */
export function typedOf(atMs: number, zone: string): string {
  return new Date(atMs + offsetMinutes(zone, atMs) * MINUTE_MS).toISOString().slice(0, 16);
}
