/** Readings as files: asking, fetching, how far it is. */

import type { Answer } from '@/api/answer';
import { addressOf, http } from '@/api/http';
import type { components } from '@/api/schema';

export type ExportDraft = components['schemas']['ExportDraft'];
export type ReadingsExport = Answer<components['schemas']['Export']>;

export const askForExport = (draft: ExportDraft): Promise<ReadingsExport> => http.post('/exports', draft) as Promise<ReadingsExport>;
export const lookAtExport = (id: number): Promise<ReadingsExport> => http.get(`/exports/${id}`) as Promise<ReadingsExport>;
export const callOffExport = (id: number): Promise<unknown> => http.delete(`/exports/${id}`);
export const fileOf = (id: number): string => addressOf(`/exports/${id}/file`);
