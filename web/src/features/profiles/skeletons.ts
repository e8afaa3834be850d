/** The first text of a new profile: one point, ready to be changed. */

import { isKeyed } from './form';

/** A TOML basic string. */
function quoted(text: string): string {
  return JSON.stringify(text);
}

const KEYS: Record<string, string> = { telemetry: '$.residual', gb26875: '1', gateway_1f1f: 'residual', dlt645: '02010100' };

export function skeleton(protocol: string, name: string, maker: string): string {
  const point = isKeyed(protocol) ? `key = ${quoted(KEYS[protocol] ?? 'residual')}` : 'address = 0x0000\nformat = "u16"';
  const groups = protocol === 'cloud_7b7b' ? '[[groups]]\nsegment = "1-1"\nstart = 0x0000\ncount = 1\n\n' : '';
  return `name = ${quoted(name)}
maker = ${quoted(maker)}
protocol = ${quoted(protocol)}
verified = false
source = "-"
interval_s = 60

${groups}[[points]]
code = "residual"
name = "剩余电流"
quantity = "residual_current"
${point}
scale = 1
range = [0, 30000]
`;
}
