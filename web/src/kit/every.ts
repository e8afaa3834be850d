/** Runs something again and again as long as the component lives. */

import { onBeforeUnmount } from 'vue';

export function useEvery(everyMs: number, run: () => void): void {
  const timer = setInterval(run, everyMs);
  onBeforeUnmount(() => clearInterval(timer));
}
