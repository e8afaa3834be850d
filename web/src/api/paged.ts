/** Lists that come page by page, read on with a cursor. */

import { useInfiniteQuery, keepPreviousData } from '@tanstack/vue-query';
import { computed, toValue, type ComputedRef, type MaybeRefOrGetter } from 'vue';
import { cache } from './cache';
import type { Address, Reply } from './contract';
import { http, type Filters } from './http';
import { asProblem, type Problem } from './problem';
import type { Page } from './types';

/** What ListFrame needs to know of a list. */
export interface PagedList<T> {
  items: ComputedRef<T[]>;
  total: ComputedRef<number | null>;
  /** Nothing to show yet. */
  loading: ComputedRef<boolean>;
  /** Shown rows belong to the question before this one. */
  changing: ComputedRef<boolean>;
  problem: ComputedRef<Problem | null>;
  hasMore: ComputedRef<boolean>;
  loadingMore: ComputedRef<boolean>;
  more: () => void;
  again: () => void;
}

/** Paths whose answer is a page. */
type PagedAddress = Address<'get'>;
type Row<S extends string> = Reply<S, 'get'> extends { items: (infer T)[] } ? T : never;

const LIMIT = 50;

function pagesOf<S extends PagedAddress>(key: readonly unknown[], path: S, filters: Filters<S>, limit: number) {
  return {
    queryKey: [...key, 'list', path, filters, limit],
    queryFn: ({ pageParam, signal }: { pageParam: string; signal: AbortSignal }) => http.get(path, { ...filters, limit, cursor: pageParam }, signal) as Promise<unknown> as Promise<Page<Row<S>>>,
  };
}

/** Asks for the first page of a list before anything is there to show it. */
export function hurryPaged<S extends PagedAddress>(key: readonly unknown[], path: S, filters: Filters<S>): Promise<void> {
  return cache.prefetchInfiniteQuery({ ...pagesOf(key, path, filters, LIMIT), initialPageParam: '', retry: false });
}

/**
 * `usePaged(['sites'], '/sites', () => ({ q: filters.q }))`: the query key is the given prefix plus the filters, so
 * that `cache.invalidateQueries({ queryKey: ['sites'] })` refreshes every list of sites.
 */
export function usePaged<S extends PagedAddress>(
  key: readonly unknown[],
  path: MaybeRefOrGetter<S>,
  filters: MaybeRefOrGetter<Filters<S>>,
  options: { limit?: number; enabled?: MaybeRefOrGetter<boolean> } = {},
): PagedList<Row<S>> {
  type T = Row<S>;
  const asked = computed(() => pagesOf(key, toValue(path), toValue(filters), options.limit ?? LIMIT));
  const query = useInfiniteQuery({
    queryKey: computed(() => asked.value.queryKey),
    queryFn: (about) => asked.value.queryFn(about),
    initialPageParam: '',
    getNextPageParam: (page: Page<T>) => page.next_cursor,
    placeholderData: keepPreviousData,
    enabled: computed(() => toValue(options.enabled ?? true)),
  });
  return {
    items: computed(() => query.data.value?.pages.flatMap((page) => page.items) ?? []),
    total: computed(() => query.data.value?.pages[0]?.total ?? null),
    loading: computed(() => query.isPending.value),
    changing: computed(() => query.isPlaceholderData.value),
    problem: computed(() => (query.error.value === null ? null : asProblem(query.error.value))),
    hasMore: computed(() => query.hasNextPage.value),
    loadingMore: computed(() => query.isFetchingNextPage.value),
    more: () => void query.fetchNextPage(),
    again: () => void query.refetch(),
  };
}
