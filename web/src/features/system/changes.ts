/** What an audit entry changed, field by field. */

export interface Change {
  field: string;
  before: unknown;
  after: unknown;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Fields that differ between two states; a thing that was made or deleted has all of its fields. */
export function changesOf(before: unknown, after: unknown): Change[] {
  if (!isRecord(before) && !isRecord(after)) {
    return same(before, after) ? [] : [{ field: '·', before: before ?? null, after: after ?? null }];
  }
  const was = isRecord(before) ? before : {};
  const is = isRecord(after) ? after : {};
  return [...new Set([...Object.keys(was), ...Object.keys(is)])]
    .filter((field) => !same(was[field], is[field]) && field !== 'version')
    .flatMap((field) =>
      isRecord(was[field]) || isRecord(is[field])
        ? changesOf(was[field], is[field]).map((change) => ({ ...change, field: `${field}.${change.field}` }))
        : [{ field, before: was[field] ?? null, after: is[field] ?? null }],
    );
}

function same(one: unknown, other: unknown): boolean {
  return JSON.stringify(one ?? null) === JSON.stringify(other ?? null);
}

/** Fields that hold a moment, in ms. */
const MOMENT = /(^|[._])(at|until)$/;

/** A value as text; nothing is a dash, a moment is written by `moment`. */
export function said(value: unknown, field = '', moment: (at: number) => string = String): string {
  if (typeof value === 'number' && MOMENT.test(field)) return moment(value);
  if (value === null || value === undefined || value === '') return '—';
  return typeof value === 'string' ? value : JSON.stringify(value);
}
