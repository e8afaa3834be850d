/** The fields of each kind of medium, as a form asks for them. What each means at its provider: docs/notification-media.md. */

export interface MediumField {
  key: string;
  /** `pairs`: one `name = text` a line; `lines`: one entry a line. */
  kind: 'text' | 'secret' | 'number' | 'select' | 'lines' | 'pairs' | 'area' | 'switch';
  required?: true;
  options?: readonly string[];
  initial?: string;
  example?: string;
  /** Left alone by most. */
  rare?: true;
}

const BASE: MediumField = { key: 'base_url', kind: 'text', rare: true, example: 'https://…' };
const MENTION: MediumField = { key: 'mention_phones', kind: 'lines', example: '13800138000' };
const FORMAT: MediumField = { key: 'format', kind: 'select', options: ['markdown', 'text'], initial: 'markdown' };
const CA: MediumField = { key: 'trusted_ca', kind: 'area', rare: true, example: '-----BEGIN CERTIFICATE-----' };
const CUT = (initial: string): MediumField => ({ key: 'max_value_chars', kind: 'number', initial, rare: true });
const ALIYUN: readonly MediumField[] = [
  { key: 'access_key_id', kind: 'text', required: true },
  { key: 'access_key_secret', kind: 'secret', required: true },
];
const PAIRS: MediumField = { key: 'params', kind: 'pairs', initial: 'site = {site}\nwhat = {hazard}\nvalue = {value}{unit}', example: 'site = {site}' };

export const MEDIA: Readonly<Record<string, readonly MediumField[]>> = {
  smtp: [
    { key: 'host', kind: 'text', required: true, example: 'smtp.example.com' },
    { key: 'port', kind: 'number', required: true, initial: '465' },
    { key: 'security', kind: 'select', options: ['tls', 'starttls', 'none'], initial: 'tls' },
    { key: 'user', kind: 'text' },
    { key: 'password', kind: 'secret' },
    { key: 'from', kind: 'text', required: true, example: 'alarm@example.com' },
    CA,
  ],
  wecom: [{ key: 'key', kind: 'secret', required: true }, FORMAT, MENTION, BASE],
  dingtalk: [{ key: 'access_token', kind: 'secret', required: true }, { key: 'secret', kind: 'secret' }, FORMAT, MENTION, BASE],
  feishu: [{ key: 'token', kind: 'secret', required: true }, { key: 'secret', kind: 'secret' }, BASE],
  aliyun_sms: [...ALIYUN, { key: 'sign_name', kind: 'text', required: true }, { key: 'template_code', kind: 'text', required: true, example: 'SMS_…' }, PAIRS, CUT('35'), BASE],
  tencent_sms: [
    { key: 'secret_id', kind: 'text', required: true },
    { key: 'secret_key', kind: 'secret', required: true },
    { key: 'sdk_app_id', kind: 'text', required: true, example: '1400…' },
    { key: 'sign_name', kind: 'text', required: true },
    { key: 'template_id', kind: 'text', required: true },
    { key: 'params', kind: 'lines', initial: '{site}\n{hazard}\n{value}{unit}', example: '{site}' },
    CUT('6'),
    { key: 'region', kind: 'select', options: ['ap-guangzhou', 'ap-beijing', 'ap-nanjing'], initial: 'ap-guangzhou', rare: true },
    BASE,
  ],
  aliyun_voice: [
    ...ALIYUN,
    { key: 'called_show_number', kind: 'text' },
    { key: 'tts_code', kind: 'text', required: true, example: 'TTS_…' },
    PAIRS,
    { key: 'answered_code', kind: 'text', example: 'TTS_…' },
    { key: 'play_times', kind: 'number', initial: '2', rare: true },
    CUT('35'),
    BASE,
  ],
  web_push: [{ key: 'subject', kind: 'text', required: true, example: 'mailto:it@example.com' }, { key: 'private_key', kind: 'secret', rare: true }],
  ntfy: [{ key: 'topic', kind: 'text', required: true }, { key: 'token', kind: 'secret' }, BASE],
  bark: [{ key: 'device_key', kind: 'secret', required: true }, BASE],
  webhook: [
    { key: 'url', kind: 'text', required: true, example: 'https://example.com/alarms' },
    { key: 'secret', kind: 'secret', required: true },
  ],
  mqtt: [
    { key: 'host', kind: 'text', required: true },
    { key: 'port', kind: 'number', required: true, initial: '8883' },
    { key: 'tls', kind: 'switch', initial: 'true' },
    { key: 'topic', kind: 'text', required: true, example: 'emberwatch/alarms' },
    { key: 'user', kind: 'text' },
    { key: 'password', kind: 'secret' },
    CA,
  ],
};
export const KINDS: readonly string[] = Object.keys(MEDIA);

/** What a form holds of a medium: all text. Secrets stay empty, the server keeps what it has. */
export function typedOf(kind: string, config: Record<string, unknown> | null): Record<string, string> {
  const typed: Record<string, string> = {};
  for (const field of MEDIA[kind] ?? []) {
    const held = config?.[field.key];
    if (field.kind === 'secret') typed[field.key] = '';
    else if (config === null) typed[field.key] = field.initial ?? '';
    else if (field.kind === 'lines') typed[field.key] = Array.isArray(held) ? held.join('\n') : '';
    else if (field.kind === 'pairs') typed[field.key] = Object.entries((held as Record<string, string> | undefined) ?? {}).map(([name, text]) => `${name} = ${text}`).join('\n');
    else typed[field.key] = held === null || held === undefined ? '' : String(held);
  }
  return typed;
}

/** The same as the server takes it. */
export function configOf(kind: string, typed: Readonly<Record<string, string>>): Record<string, unknown> {
  const config: Record<string, unknown> = { kind };
  for (const field of MEDIA[kind] ?? []) {
    const said = (typed[field.key] ?? '').trim();
    if (field.kind === 'number') config[field.key] = said === '' ? Number(field.initial ?? 0) : Number(said);
    else if (field.kind === 'switch') config[field.key] = said === 'true';
    else if (field.kind === 'lines') config[field.key] = said.split('\n').map((line) => line.trim()).filter((line) => line !== '');
    else if (field.kind === 'pairs') {
      config[field.key] = Object.fromEntries(
        said.split('\n').flatMap((line) => {
          const at = line.indexOf('=');
          return at < 1 ? [] : [[line.slice(0, at).trim(), line.slice(at + 1).trim()]];
        }),
      );
    } else if (field.key === 'base_url') config[field.key] = said === '' ? null : said;
    else config[field.key] = said;
  }
  return config;
}
