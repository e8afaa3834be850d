/** What stopped a page from being reached: a server that does not answer, a part of the application that did not load. */

import { shallowRef } from 'vue';
import { asProblem, type Problem } from '@/api/problem';
import { router } from './router';

export const arrivalProblem = shallowRef<Problem | null>(null);
let wanted = '/';

router.onError((error: unknown, to) => {
  wanted = to.fullPath;
  arrivalProblem.value = asProblem(error);
});
router.afterEach(() => {
  arrivalProblem.value = null;
});

export async function tryAgain(): Promise<void> {
  // A part that is missing was replaced by a newer version: only loading everything anew brings it.
  if (arrivalProblem.value?.code === 'unreachable' && /module|import/i.test(arrivalProblem.value.detail)) {
    window.location.assign(wanted);
    return;
  }
  await router.replace(wanted).catch(() => undefined);
}
