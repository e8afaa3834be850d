/** Lists that come page by page, read on with a cursor. */

import { useInfiniteQuery, keepPreviousData } from '@tanstack/vue-query';
import { computed, toValue, type ComputedRef, type MaybeRefOrGetter } from 'vue';
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
  const limit = options.limit ?? 50;
  const query = useInfiniteQuery({
    queryKey: computed(() => [...key, 'list', toValue(path), toValue(filters), limit]),
    queryFn: ({ pageParam, signal }) =>
      http.get(toValue(path), { ...toValue(filters), limit, cursor: pageParam }, signal) as Promise<unknown> as Promise<Page<T>>,
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
