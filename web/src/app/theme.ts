/** Light and dark: follows the system until the reader chooses. Carries the tokens to CSS. */

import { computed, ref, watchEffect } from 'vue';
import { language } from './i18n';
import { cssVariables, dark, fonts, light, type Palette } from './tokens';

export type Mode = 'system' | 'light' | 'dark';

const KEY = 'emberwatch.mode';
const media = window.matchMedia('(prefers-color-scheme: dark)');
const systemDark = ref(media.matches);
media.addEventListener('change', (event) => (systemDark.value = event.matches));

function stored(): Mode {
  const said = localStorage.getItem(KEY);
  return said === 'light' || said === 'dark' ? said : 'system';
}

export const mode = ref<Mode>(stored());
/** The wall screen is dark whatever its account likes: it lights a room day and night. */
export const alwaysDark = ref(false);
export const isDark = computed(() => alwaysDark.value || (mode.value === 'system' ? systemDark.value : mode.value === 'dark'));
export const palette = computed<Palette>(() => (isDark.value ? dark : light));

export function setMode(next: Mode): void {
  mode.value = next;
  if (next === 'system') localStorage.removeItem(KEY);
  else localStorage.setItem(KEY, next);
}

watchEffect(() => {
  const root = document.documentElement;
  root.dataset['theme'] = isDark.value ? 'dark' : 'light';
  root.style.colorScheme = isDark.value ? 'dark' : 'light';
  root.style.setProperty('--font', fonts.text[language.value]);
  for (const [name, value] of Object.entries(cssVariables(palette.value))) root.style.setProperty(name, value);
});
