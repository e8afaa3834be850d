/** The query cache: what the server said, kept while it is true. The live stream says when it no longer is. */

import { QueryClient } from '@tanstack/vue-query';
import { asProblem } from './problem';

/** Answers that stay the same however often one asks. */
const FINAL = new Set([400, 401, 403, 404, 409, 410, 422, 429]);

export const cache = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 15_000,
      gcTime: 10 * 60_000,
      refetchOnWindowFocus: true,
      retry: (failures, error) => failures < 2 && !FINAL.has(asProblem(error).status),
      retryDelay: (failures) => Math.min(1000 * 2 ** failures, 8000),
    },
    mutations: { retry: false },
  },
});
