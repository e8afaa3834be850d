/** Light and dark: follows the system until the reader chooses. Carries the tokens to CSS and to naive-ui. */

import { darkTheme, type GlobalTheme, type GlobalThemeOverrides } from 'naive-ui';
import { computed, ref, watchEffect } from 'vue';
import { language } from './i18n';
import { cssVariables, dark, fonts, light, shape, type Palette } from './tokens';

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

export const naiveTheme = computed<GlobalTheme | null>(() => (isDark.value ? darkTheme : null));

export const naiveOverrides = computed<GlobalThemeOverrides>(() => {
  const p = palette.value;
  return {
    common: {
      primaryColor: p.ink,
      primaryColorHover: p.inkHover,
      primaryColorPressed: p.ink,
      primaryColorSuppl: p.ink,
      errorColor: p.alarm.text,
      errorColorHover: p.alarm.text,
      errorColorPressed: p.alarm.text,
      errorColorSuppl: p.alarm.text,
      warningColor: p.warning.text,
      warningColorHover: p.warning.text,
      warningColorPressed: p.warning.text,
      warningColorSuppl: p.warning.text,
      infoColor: p.focus,
      infoColorHover: p.focus,
      infoColorPressed: p.focus,
      infoColorSuppl: p.focus,
      successColor: p.focus,
      successColorHover: p.focus,
      successColorPressed: p.focus,
      successColorSuppl: p.focus,
      bodyColor: p.ground,
      cardColor: p.surface,
      modalColor: p.raised,
      popoverColor: p.raised,
      tableColor: p.surface,
      inputColor: p.surface,
      borderColor: p.lineStrong,
      dividerColor: p.line,
      hoverColor: p.hover,
      textColorBase: p.text,
      textColor1: p.text,
      textColor2: p.text,
      textColor3: p.textFaint,
      placeholderColor: p.textFaint,
      iconColor: p.textFaint,
      closeIconColor: p.textQuiet,
      borderRadius: shape.radius,
      borderRadiusSmall: shape.radiusSmall,
      fontFamily: fonts.text[language.value],
      fontFamilyMono: fonts.mono,
    },
    Button: { textColorPrimary: p.onInk, textColorHoverPrimary: p.onInk, textColorPressedPrimary: p.onInk, textColorFocusPrimary: p.onInk, fontWeight: '500' },
    Input: { border: `1px solid ${p.lineStrong}`, borderHover: `1px solid ${p.textFaint}`, borderFocus: `1px solid ${p.focus}`, boxShadowFocus: `0 0 0 2px ${p.selected}`, color: p.surface, colorFocus: p.surface, placeholderColor: p.textFaint },
    Select: {
      peers: {
        InternalSelection: { border: `1px solid ${p.lineStrong}`, borderHover: `1px solid ${p.textFaint}`, borderFocus: `1px solid ${p.focus}`, borderActive: `1px solid ${p.focus}`, boxShadowFocus: `0 0 0 2px ${p.selected}`, boxShadowActive: `0 0 0 2px ${p.selected}`, color: p.surface, colorActive: p.surface },
      },
    },
    Tag: { borderRadius: shape.radiusSmall },
    Tabs: { tabTextColorLine: p.textQuiet, tabTextColorActiveLine: p.text, barColor: p.ink },
    Tooltip: { color: isDark.value ? p.raised : p.ink, textColor: isDark.value ? p.text : p.onInk },
    Switch: { railColorActive: p.focus },
    Checkbox: { checkMarkColor: p.onInk },
  };
});
