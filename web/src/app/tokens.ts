/**
 * Design tokens: the only place that names a colour, a radius or a type size.
 *
 * Surfaces and controls are neutral. A saturated colour means an abnormal state and nothing else (red alarm, orange
 * warning, yellow fault, blue maintenance; grey = offline or unknown; green only for small lamps). For each state:
 * `text` is readable on every surface (4.5:1), `fill` is for lamps, markers and bars, `wash` is a faint background.
 */

export interface StateColours {
  text: string;
  fill: string;
  wash: string;
  /** What is written on `fill`. */
  on: string;
}

export interface Palette {
  ground: string;
  surface: string;
  raised: string;
  hover: string;
  selected: string;
  line: string;
  lineStrong: string;
  text: string;
  textQuiet: string;
  textFaint: string;
  ink: string;
  inkHover: string;
  onInk: string;
  focus: string;
  link: string;
  shadow: string;
  alarm: StateColours;
  warning: StateColours;
  fault: StateColours;
  blue: StateColours;
  grey: StateColours;
  lamp: string;
  /** Lines of a chart, told apart by lightness and hue, none of them a state colour. */
  series: string[];
  mapLand: string;
  mapLine: string;
}

export const light: Palette = {
  ground: '#f3f4f6',
  surface: '#ffffff',
  raised: '#ffffff',
  hover: '#f3f5f7',
  selected: '#e9edf2',
  line: '#e2e5ea',
  lineStrong: '#c5cbd3',
  text: '#1b2129',
  textQuiet: '#4d5763',
  textFaint: '#626c78',
  ink: '#28313c',
  inkHover: '#3c4856',
  onInk: '#ffffff',
  focus: '#4b6584',
  link: '#33506f',
  shadow: '0 1px 2px rgb(20 28 38 / 6%), 0 8px 24px rgb(20 28 38 / 8%)',
  alarm: { text: '#b3161c', fill: '#d3262c', wash: '#fdecec', on: '#ffffff' },
  warning: { text: '#9a4a00', fill: '#e8730c', wash: '#fff1e3', on: '#1f1200' },
  fault: { text: '#6f5600', fill: '#e5b800', wash: '#fdf6d8', on: '#221b00' },
  blue: { text: '#1d5a9e', fill: '#3a7fc8', wash: '#e8f1fb', on: '#ffffff' },
  grey: { text: '#5b6470', fill: '#98a1ac', wash: '#eef0f3', on: '#14181d' },
  lamp: '#2f9e57',
  series: ['#3d5a80', '#8a6fae', '#5b8c8a', '#9a7b5f', '#6b7a8c', '#b07a9a'],
  mapLand: '#e7eaee',
  mapLine: '#ffffff',
};

export const dark: Palette = {
  ground: '#0e1115',
  surface: '#161a20',
  raised: '#1d222a',
  hover: '#1c2129',
  selected: '#262d37',
  line: '#2a313b',
  lineStrong: '#414b58',
  text: '#e6eaef',
  textQuiet: '#b3bcc7',
  textFaint: '#929daa',
  ink: '#dfe4ea',
  inkHover: '#ffffff',
  onInk: '#14181d',
  focus: '#8fabcc',
  link: '#a9c1dd',
  shadow: '0 1px 2px rgb(0 0 0 / 40%), 0 10px 30px rgb(0 0 0 / 45%)',
  alarm: { text: '#ff8a86', fill: '#f0484b', wash: '#3a191c', on: '#1c0304' },
  warning: { text: '#ffab5e', fill: '#f58b2e', wash: '#38240f', on: '#1f1200' },
  fault: { text: '#f0d060', fill: '#e6c229', wash: '#322b10', on: '#221b00' },
  blue: { text: '#8fbff2', fill: '#4f94dd', wash: '#152a42', on: '#071423' },
  grey: { text: '#a6afba', fill: '#6f7a87', wash: '#222831', on: '#0e1115' },
  lamp: '#4ac278',
  series: ['#8fb0d8', '#bda3e0', '#86c0bd', '#d0ad8c', '#9fb0c4', '#dba6c6'],
  mapLand: '#222831',
  mapLine: '#0e1115',
};

export const fonts = {
  text: {
    'zh-CN': `system-ui, -apple-system, 'Segoe UI', 'PingFang SC', 'Microsoft YaHei', 'Noto Sans CJK SC', 'Noto Sans SC', sans-serif`,
    'zh-TW': `system-ui, -apple-system, 'Segoe UI', 'PingFang TC', 'Microsoft JhengHei', 'Noto Sans CJK TC', 'Noto Sans TC', sans-serif`,
    en: `system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', sans-serif`,
  },
  mono: `ui-monospace, 'SF Mono', 'Cascadia Mono', Menlo, Consolas, 'Noto Sans Mono', monospace`,
};

export const shape = { radius: '8px', radiusSmall: '5px', radiusLarge: '12px' };

/** Widths at which the shape changes, in px: below `phone` one column with tabs, from `pc` on split panes. */
export const breakpoints = { phone: 768, pc: 1200 };

const STATES = ['alarm', 'warning', 'fault', 'blue', 'grey'] as const;

/** The palette as CSS custom properties: `--ground`, `--alarm-text`, ... */
export function cssVariables(palette: Palette): Record<string, string> {
  const variables: Record<string, string> = {
    '--ground': palette.ground,
    '--surface': palette.surface,
    '--raised': palette.raised,
    '--hover': palette.hover,
    '--selected': palette.selected,
    '--line': palette.line,
    '--line-strong': palette.lineStrong,
    '--text': palette.text,
    '--text-quiet': palette.textQuiet,
    '--text-faint': palette.textFaint,
    '--ink': palette.ink,
    '--ink-hover': palette.inkHover,
    '--on-ink': palette.onInk,
    '--focus': palette.focus,
    '--link': palette.link,
    '--shadow': palette.shadow,
    '--lamp': palette.lamp,
    '--radius': shape.radius,
    '--radius-small': shape.radiusSmall,
    '--radius-large': shape.radiusLarge,
    '--mono': fonts.mono,
  };
  for (const state of STATES) {
    variables[`--${state}-text`] = palette[state].text;
    variables[`--${state}-fill`] = palette[state].fill;
    variables[`--${state}-wash`] = palette[state].wash;
    variables[`--${state}-on`] = palette[state].on;
  }
  return variables;
}
