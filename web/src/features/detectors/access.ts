/** Which doors and proofs a terminal of each protocol has. */

import type { CredentialKind, Protocol } from './types';

export interface Door {
  door: string;
  address: string;
}

const DOORS: Record<Protocol, readonly string[]> = {
  cloud_7b7b: ['field'],
  modbus_rtu: ['field'],
  modbus_tcp: ['field'],
  dlt645: [],
  gb26875: ['field', 'gb26875'],
  gateway_1f1f: ['field'],
  telemetry: ['mqtt', 'mqtts', 'http', 'https', 'coap', 'coaps'],
};

/** The open doors that a terminal of `protocol` can use. */
export const doorsOf = (protocol: Protocol, doors: readonly Door[]): Door[] => doors.filter((one) => DOORS[protocol].includes(one.door));

/** The proofs that mean something to a terminal of `protocol`, the usual one first. */
export function kindsOf(protocol: Protocol): readonly CredentialKind[] {
  switch (protocol) {
    case 'telemetry':
      return ['token', 'certificate', 'shared_secret'];
    case 'gateway_1f1f':
      return ['shared_secret', 'certificate'];
    default:
      return ['certificate'];
  }
}

/** An address as a device can use it: one that means "every address of the server" becomes the name of this page's. */
export function reachable(address: string, host: string = window.location.hostname): string {
  const any = /^(?:0\.0\.0\.0|\[::\]):(\d+)$/.exec(address);
  return any === null ? address : `${host}:${any[1] ?? ''}`;
}
