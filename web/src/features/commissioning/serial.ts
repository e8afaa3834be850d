/** What a printed code says: the serial number in it, however the maker wrote it there. */

/** Names under which makers put a serial number into an address or a list of fields. */
const NAMES = ['sn', 's/n', 'serial', 'serialno', 'serial_no', 'serialnumber', 'deviceid', 'device_id', 'devid', 'imei', 'id', 'code', '序列号', '序號', '编号'];

/** What a serial number can be: what a terminal announces, up to 100 characters without blanks. */
const SERIAL = /^[\w.:/-]{3,100}$/;

function fieldsOf(text: string): Map<string, string> {
  const fields = new Map<string, string>();
  for (const part of text.split(/[;,|\r\n&]+/)) {
    const said = /^\s*([^:=：]+?)\s*[:=：]\s*(.+?)\s*$/.exec(part);
    if (said?.[1] !== undefined && said[2] !== undefined) fields.set(said[1].toLowerCase(), said[2]);
  }
  return fields;
}

function named(fields: Map<string, string>): string | null {
  for (const name of NAMES) {
    const said = fields.get(name);
    if (said !== undefined && SERIAL.test(said)) return said;
  }
  return null;
}

/** The serial number of a scanned or typed code; null when there is none in it. */
export function serialOf(code: string): string | null {
  const text = code.trim();
  if (/^https?:\/\//i.test(text)) {
    try {
      const address = new URL(text);
      const asked = named(new Map([...address.searchParams].map(([name, said]) => [name.toLowerCase(), said])));
      if (asked !== null) return asked;
      const last = address.pathname.split('/').filter((piece) => piece !== '').at(-1);
      return last !== undefined && /\d/.test(last) && SERIAL.test(last) ? decodeURIComponent(last) : null;
    } catch {
      return null;
    }
  }
  if (text.startsWith('{')) {
    try {
      const said: unknown = JSON.parse(text);
      if (typeof said === 'object' && said !== null) return named(new Map(Object.entries(said).map(([name, value]) => [name.toLowerCase(), String(value)])));
    } catch {
      return null;
    }
  }
  const among = named(fieldsOf(text));
  if (among !== null) return among;
  return SERIAL.test(text) ? text : null;
}
