/** The sentences that say what to do. The server names them by key; the words are in `guidance.*` of each language. */

/** `over_temperature.alarm.owner.1` -> `guidance.over_temperature.owner.1`: the same words hold for each severity. */
export function messageKey(serverKey: string): string {
  return `guidance.${serverKey.replace(/\.(alarm|warning|fault)\./, '.')}`;
}

/** Message keys for what the server names, without those that no language has words for. */
export function sentences(serverKeys: readonly string[], known: (key: string) => boolean): string[] {
  return serverKeys.map(messageKey).filter(known);
}
