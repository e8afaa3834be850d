/** What the pages of the system ask of the server. */

import { keepPreviousData, useQuery } from '@tanstack/vue-query';
import type { MaybeRefOrGetter } from 'vue';
import { http, type QueryValue } from '@/api/http';
import { usePaged } from '@/api/paged';
import type { AuditEntry, AuditVerdict, SystemFacts } from './types';

/** Lengths and rates move without an event. */
const EVERY_MS = 3000;

export function useSystem() {
  return useQuery({ queryKey: ['system'], queryFn: ({ signal }) => http.get<SystemFacts>('/system', {}, signal), refetchInterval: EVERY_MS, placeholderData: keepPreviousData });
}

export function useAudit(filters: MaybeRefOrGetter<Record<string, QueryValue>>) {
  return usePaged<AuditEntry>(['audit'], '/audit', filters);
}

export const verifyAudit = (): Promise<AuditVerdict> => http.get<AuditVerdict>('/audit/verify');
