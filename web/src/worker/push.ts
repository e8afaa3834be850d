/**
 * What the server pushes to a browser, version 1: one JSON object. `acknowledge_link` is used once and needs no session, so
 * that an alarm can be acknowledged from the lock screen.
 */

export interface PushMessage {
  v: 1;
  title: string;
  body: string;
  severity: 'alarm' | 'warning' | 'fault';
  language: string;
  /** Messages of one group replace each other on the screen. */
  group: string;
  link: string | null;
  acknowledge_link: string | null;
}

const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';

/** The message in `data`; null where it is none of ours. */
export function readPush(data: unknown): PushMessage | null {
  if (typeof data !== 'object' || data === null) return null;
  const said = data as Record<string, unknown>;
  if (said['v'] !== 1 || !isText(said['title'])) return null;
  const severity = said['severity'] === 'alarm' || said['severity'] === 'warning' ? said['severity'] : 'fault';
  return {
    v: 1,
    title: said['title'],
    body: isText(said['body']) ? said['body'] : '',
    severity,
    language: isText(said['language']) ? said['language'] : 'zh-CN',
    group: isText(said['group']) ? said['group'] : 'emberwatch',
    link: isText(said['link']) ? said['link'] : null,
    acknowledge_link: isText(said['acknowledge_link']) ? said['acknowledge_link'] : null,
  };
}

/** A link of a message as a place of this application; whatever leads elsewhere leads to the alarms. */
export function placeOf(link: string | null, origin: string): string {
  try {
    const url = new URL(link ?? '/alarms', origin);
    return url.origin === origin ? url.pathname + url.search : '/alarms';
  } catch {
    return '/alarms';
  }
}

interface PushWords {
  acknowledge: string;
  open: string;
  acknowledged: string;
  failed: string;
}

/** The few words that the worker says itself; it runs without the application and its message files. */
const WORDS: Record<string, PushWords> = {
  'zh-CN': { acknowledge: '确认', open: '查看', acknowledged: '已确认', failed: '确认未成功，请打开应用' },
  'zh-TW': { acknowledge: '確認', open: '檢視', acknowledged: '已確認', failed: '確認未成功，請開啟應用程式' },
  en: { acknowledge: 'Acknowledge', open: 'Open', acknowledged: 'Acknowledged', failed: 'Not acknowledged: open the application' },
};

export function wordsOf(language: string): PushWords {
  return WORDS[language] ?? (WORDS['zh-CN'] as PushWords);
}
