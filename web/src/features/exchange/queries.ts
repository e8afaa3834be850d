/** What the exchange with spreadsheets asks of the server. */

import { addressOf, http } from '@/api/http';
import type { ImportMode, ImportReport } from './types';

export const templateAddress = (lang: string): string => addressOf('/exchange/template.xlsx', { lang });
export const exportAddress = (lang: string): string => addressOf('/exchange/export.xlsx', { lang });

function formOf(file: File): FormData {
  const form = new FormData();
  form.set('file', file);
  return form;
}

export function importFile(file: File, how: { dryRun: boolean; mode: ImportMode; lang: string }): Promise<ImportReport> {
  return http.upload<ImportReport>('/exchange/import', formOf(file), { dry_run: how.dryRun, mode: how.mode, lang: how.lang });
}

export function mistakesFile(file: File, lang: string): Promise<Blob> {
  return http.uploadForFile('/exchange/mistakes.xlsx', formOf(file), { lang });
}
