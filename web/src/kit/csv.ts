/** Tables as CSV that spreadsheets open as they are: UTF-8 with its mark, commas, CRLF (RFC 4180). */

export interface CsvColumn<T> {
  title: string;
  value: (row: T) => string | number | null;
}

/** The most rows that one file takes. */
const MOST_ROWS = 100_000;

/** A text that a spreadsheet would take for a formula is kept a text. */
function cell(value: string | number | null): string {
  if (value === null) return '';
  if (typeof value === 'number') return Number.isFinite(value) ? String(value) : '';
  const said = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(said) ? `"${said.replaceAll('"', '""')}"` : said;
}

export function csvOf<T>(columns: readonly CsvColumn<T>[], rows: readonly T[]): string {
  const lines = [columns.map((column) => cell(column.title)), ...rows.map((row) => columns.map((column) => cell(column.value(row))))];
  return `\uFEFF${lines.map((line) => line.join(',')).join('\r\n')}\r\n`;
}

/** Every row of a list, page by page. */
export async function allRows<T>(page: (cursor: string) => Promise<{ items: T[]; next_cursor?: string | null }>): Promise<T[]> {
  const rows: T[] = [];
  let cursor = '';
  do {
    const said = await page(cursor);
    rows.push(...said.items);
    cursor = said.next_cursor ?? '';
  } while (cursor !== '' && rows.length < MOST_ROWS);
  return rows;
}

export function saveText(name: string, text: string): void {
  const address = URL.createObjectURL(new Blob([text], { type: 'text/csv;charset=utf-8' }));
  const link = document.createElement('a');
  link.href = address;
  link.download = name;
  link.click();
  URL.revokeObjectURL(address);
}
