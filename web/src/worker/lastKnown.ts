/** What is kept for times without a connection. The worker keeps it, the page says how old it is and forgets it with the session. */

export const LAST_KNOWN = 'last-known';
/** On an answer out of the cache: the server's date of then. */
export const LAST_KNOWN_HEADER = 'x-emberwatch-last-known';

const KEPT = /^\/api\/v1\/(session|overview|map|map\/outline|alarms|alarms\/\d+|alarms\/\d+\/guidance|sites|sites\/\d+|sites\/\d+\/tree|detectors|detectors\/\d+)$/;

/** Whether the answer of this address is kept: what a person at the box needs, and nothing of people or programs. */
export function isKeptAddress(path: string): boolean {
  return KEPT.test(path);
}
