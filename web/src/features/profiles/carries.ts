/** Which terminals can have a detector of a profile behind them, by protocol. */

const CARRIES: Readonly<Record<string, readonly string[]>> = {
  cloud_7b7b: ['cloud_7b7b'],
  modbus_rtu: ['modbus_rtu', 'modbus_tcp', 'gateway_1f1f'],
  dlt645: ['modbus_rtu'],
  gb26875: ['gb26875'],
  gateway_1f1f: ['gateway_1f1f'],
  telemetry: ['telemetry'],
};

/** A protocol that this version of the screens does not know is left to the server to judge. */
export const carries = (terminal: string, profile: string): boolean => CARRIES[profile]?.includes(terminal) ?? true;
