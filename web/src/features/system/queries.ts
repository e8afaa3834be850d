/** What the pages of the system ask of the server. */

import { keepPreviousData, useQuery } from '@tanstack/vue-query';
import type { MaybeRefOrGetter } from 'vue';
import { http, type Filters } from '@/api/http';
import { usePaged } from '@/api/paged';
import type { AuditVerdict } from './types';

/** Lengths and rates move without an event. */
const EVERY_MS = 3000;

export function useSystem() {
  return useQuery({ queryKey: ['system'], queryFn: ({ signal }) => http.get('/system', {}, signal), refetchInterval: EVERY_MS, placeholderData: keepPreviousData });
}

export function useAudit(filters: MaybeRefOrGetter<Filters<'/audit'>>) {
  return usePaged(['audit'], '/audit', filters);
}

export const verifyAudit = (): Promise<AuditVerdict> => http.get('/audit/verify');
