/** Languages: 简体中文 by default, 繁體中文, English. Words live in `src/words/<language>/<feature>.ts`. */

import { computed, shallowRef } from 'vue';
import { createI18n } from 'vue-i18n';
import type { Language } from '@/api/types';
import zhCN from '@/words/zh-CN';

const KEY = 'emberwatch.language';
export const LANGUAGES: readonly { code: Language; name: string }[] = [
  { code: 'zh-CN', name: '简体中文' },
  { code: 'zh-TW', name: '繁體中文' },
  { code: 'en', name: 'English' },
];

export function isLanguage(said: unknown): said is Language {
  return LANGUAGES.some((known) => known.code === said);
}

const current = shallowRef<Language>('zh-CN');
export const language = computed(() => current.value);

export const i18n = createI18n({
  legacy: false,
  locale: 'zh-CN',
  fallbackLocale: 'zh-CN',
  messages: { 'zh-CN': zhCN } as Record<string, typeof zhCN>,
  missingWarn: import.meta.env.DEV,
  fallbackWarn: import.meta.env.DEV,
});

const loaders: Record<Exclude<Language, 'zh-CN'>, () => Promise<{ default: typeof zhCN }>> = {
  'zh-TW': () => import('@/words/zh-TW'),
  en: () => import('@/words/en'),
};

/** Loads the words of a language, then switches every text at once. */
export async function useLanguage(code: Language, remember = true): Promise<void> {
  if (code !== 'zh-CN' && !i18n.global.availableLocales.includes(code)) {
    i18n.global.setLocaleMessage(code, (await loaders[code]()).default);
  }
  i18n.global.locale.value = code;
  current.value = code;
  document.documentElement.lang = code;
  if (remember) localStorage.setItem(KEY, code);
}

/** The language chosen on this device, if any. */
export function chosenLanguage(): Language | null {
  const said = localStorage.getItem(KEY);
  return isLanguage(said) ? said : null;
}
