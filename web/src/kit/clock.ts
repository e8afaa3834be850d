/** The time now, by the server's clock, ticking once a second for everything on screen that shows an age. */

import { readonly, ref } from 'vue';

/** How far this machine's clock is behind the server's, in ms. */
let offsetMs = 0;
const tick = ref(Date.now());

export const nowMs = readonly(tick);

/** The server said what time it is. Differences of less than 2 s are the way the answer took. */
export function serverSaid(now: string): void {
  const difference = Date.parse(now) - Date.now();
  if (Number.isFinite(difference)) offsetMs = Math.abs(difference) < 2000 ? 0 : difference;
  tick.value = Date.now() + offsetMs;
}

setInterval(() => {
  tick.value = Date.now() + offsetMs;
}, 1000);
