/**
 * Languages: 简体中文 by default, 繁體中文, English. Words live in `src/words/<language>/<feature>.ts` and come in two
 * parts: what the frame and the start page say is there at once, the rest comes with the first other page.
 */

import { computed, shallowRef, type ComputedRef } from 'vue';
import type { Language } from '@/api/types';
import first from '@/words/first.zh-CN';
import type { Words } from '@/words/words';

const KEY = 'emberwatch.language';
export const LANGUAGES: readonly { code: Language; name: string }[] = [
  { code: 'zh-CN', name: '简体中文' },
  { code: 'zh-TW', name: '繁體中文' },
  { code: 'en', name: 'English' },
];

export function isLanguage(said: unknown): said is Language {
  return LANGUAGES.some((known) => known.code === said);
}

type Part = () => Promise<{ default: Words }>;
const FIRST: Record<Language, Part> = {
  'zh-CN': async () => ({ default: first }),
  'zh-TW': () => import('@/words/first.zh-TW'),
  en: () => import('@/words/first.en'),
};
const REST: Record<Language, Part> = {
  'zh-CN': () => import('@/words/rest.zh-CN'),
  'zh-TW': () => import('@/words/rest.zh-TW'),
  en: () => import('@/words/rest.en'),
};

const current = shallowRef<Language>('zh-CN');
export const language = computed(() => current.value);
const words = shallowRef<Words>(first);
/** What was asked for last; the texts follow as soon as they are there. */
let wanted: Language = 'zh-CN';
let whole = false;

async function follow(): Promise<void> {
  let code: Language;
  let all: boolean;
  let parts: { default: Words }[];
  do {
    code = wanted;
    all = whole;
    parts = await Promise.all([FIRST[code](), ...(all ? [REST[code]()] : [])]);
    // While they came another language or the rest may have been asked for.
  } while (code !== wanted || all !== whole);
  words.value = Object.assign({}, ...parts.map((part) => part.default)) as Words;
  current.value = code;
  document.documentElement.lang = code;
}

/** Loads the words of a language, then switches every text at once. */
export async function useLanguage(code: Language, remember = true): Promise<void> {
  wanted = code;
  if (remember) localStorage.setItem(KEY, code);
  await follow();
}

/** Loads what other pages than the first one say. */
export async function wholeLanguage(): Promise<void> {
  whole = true;
  await follow();
}

/** The language chosen on this device, if any. */
export function chosenLanguage(): Language | null {
  const said = localStorage.getItem(KEY);
  return isLanguage(said) ? said : null;
}

function found(key: string): string | Words | undefined {
  let at: string | Words | undefined = words.value;
  for (const part of key.split('.')) at = typeof at === 'object' ? at[part] : undefined;
  return at;
}

export interface Texts {
  /** The text of a key with its placeholders filled in; `n`, otherwise the placeholder `n`, chooses between ` | ` parts. A key without a text is shown as it is. */
  t: (key: string, named?: Record<string, unknown>, n?: number) => string;
  /** Whether a key has a text. */
  te: (key: string) => boolean;
  /** The last parts of the keys of a group. */
  keysOf: (group: string) => string[];
  locale: ComputedRef<Language>;
}

const texts: Texts = {
  t: (key, named = {}, n = typeof named['n'] === 'number' ? named['n'] : 1) => {
    const text = found(key);
    if (typeof text !== 'string') return key;
    const [one = '', many = one] = text.split(' | ');
    return (n === 1 ? one : many).replace(/\{(\w+)\}/g, (hole, name: string) => (name in named ? String(named[name] ?? '') : hole));
  },
  te: (key) => typeof found(key) === 'string',
  keysOf: (group) => {
    const at = found(group);
    return typeof at === 'object' ? Object.keys(at) : [];
  },
  locale: language,
};

/** Texts in the reader's language; used in a template or computed value they change with it. */
export const useI18n = (): Texts => texts;
