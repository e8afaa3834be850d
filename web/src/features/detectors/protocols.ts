/** What protocols are called in short: the same in every language, because it is what stands on the devices. */

const SHORT: Readonly<Record<string, string>> = {
  cloud_7b7b: '7B7B',
  gateway_1f1f: '1F1F',
  modbus_rtu: 'Modbus RTU',
  modbus_tcp: 'Modbus TCP',
  dlt645: 'DL/T 645',
  gb26875: 'GB/T 26875.3',
  telemetry: 'JSON / CBOR',
};

export const shortProtocol = (code: string): string | undefined => SHORT[code];
