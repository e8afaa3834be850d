/** A telegram's bytes in rows, and which field each byte belongs to. */

import type { TelegramField } from './types';

/** Where a field lies. */
type Place = Pick<TelegramField, 'offset' | 'len'>;

export interface HexByte {
  at: number;
  text: string;
  /** Index of the field it belongs to, the narrowest where fields lie inside each other; -1 = none. */
  field: number;
}

/** `7B7B84` -> [{at: 0, text: '7B'}, ...]; blanks are allowed, a lone digit at the end is dropped. */
export function bytesOf(hex: string, fields: readonly Place[]): HexByte[] {
  const digits = hex.replace(/[^0-9a-fA-F]/g, '').toUpperCase();
  const bytes: HexByte[] = [];
  for (let at = 0; at * 2 + 1 < digits.length; at += 1) {
    bytes.push({ at, text: digits.slice(at * 2, at * 2 + 2), field: fieldAt(fields, at) });
  }
  return bytes;
}

function fieldAt(fields: readonly Place[], at: number): number {
  let found = -1;
  fields.forEach((field, index) => {
    if (at < field.offset || at >= field.offset + field.len) return;
    if (found < 0 || field.len < (fields[found]?.len ?? Infinity)) found = index;
  });
  return found;
}

export function rowsOfBytes(bytes: readonly HexByte[], width: number): { at: string; bytes: HexByte[]; text: string }[] {
  const rows: { at: string; bytes: HexByte[]; text: string }[] = [];
  for (let start = 0; start < bytes.length; start += width) {
    const part = bytes.slice(start, start + width);
    rows.push({ at: start.toString(16).toUpperCase().padStart(4, '0'), bytes: part, text: part.map((byte) => printable(byte.text)).join('') });
  }
  return rows;
}

function printable(byte: string): string {
  const code = Number.parseInt(byte, 16);
  return code >= 0x20 && code < 0x7f ? String.fromCharCode(code) : '·';
}

/** Whether a byte lies in a field. */
export function inField(field: Place | undefined, at: number): boolean {
  return field !== undefined && at >= field.offset && at < field.offset + field.len;
}
