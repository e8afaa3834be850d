/** The tokens as the component library wants them. */

import { darkTheme, type GlobalTheme, type GlobalThemeOverrides } from 'naive-ui';
import { computed } from 'vue';
import { language } from './i18n';
import { isDark, palette } from './theme';
import { fonts, shape } from './tokens';

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
