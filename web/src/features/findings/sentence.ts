/** A finding in words: the figures become the parameters of one sentence, and of a second one where there is a forecast. */

import type { Finding, FindingFigure } from './types';

type Told = Pick<Finding, 'kind' | 'phase' | 'channel'> & { figures: readonly FindingFigure[] };
export type Translate = (key: string, named?: Record<string, unknown>) => string;

/** Four digits at most, no digits that nobody measured. */
export function rounded(value: number): string {
  const size = Math.abs(value);
  return size >= 100 ? value.toFixed(0) : size >= 10 ? value.toFixed(1).replace(/\.0$/, '') : value.toFixed(2).replace(/\.?0+$/, '');
}

/** 13.5 -> 13:30 */
export function clock(hour: number): string {
  const minutes = Math.round((hour * 60) / 15) * 15;
  return `${String(Math.floor(minutes / 60) % 24).padStart(2, '0')}:${String(minutes % 60).padStart(2, '0')}`;
}

/** Days ahead as whole weeks: the near end rounded down, the far end up, so that the range holds. */
export function weeks(fromDays: number, toDays: number): { from: number; to: number } {
  const from = Math.floor(fromDays / 7);
  return { from, to: Math.max(from + 1, Math.ceil(toDays / 7)) };
}

/** Never surer than the measure can be. */
export function surePercent(confidence: number): number {
  return Math.min(99, Math.floor(confidence * 100));
}

export function figureOf(finding: Told, name: string): number | undefined {
  return finding.figures.find((figure) => figure.name === name)?.value;
}

/** What the sentence is about: the conductor, else the channel, else the circuit. */
function about(finding: Told, t: Translate): string {
  if (finding.phase !== null) return t(`vocabulary.phase.${finding.phase}`);
  return finding.channel === '' ? t('findings.circuit') : finding.channel;
}

export function sentence(finding: Told, t: Translate): string {
  const named: Record<string, unknown> = { about: about(finding, t) };
  for (const figure of finding.figures) {
    named[figure.name] = figure.name.startsWith('hour_') ? clock(figure.value) : figure.unit === '%' ? Math.round(figure.value) : rounded(figure.value);
  }
  const ahead = forecast(finding, t);
  const said = t(`findings.${finding.kind}.says`, named);
  // Chinese full stops carry their own space.
  return ahead === '' ? said : `${said}${said.endsWith('。') ? '' : ' '}${ahead}`;
}

/** "Reaches 300 mA in 3 to 7 weeks", where the line gets there at all. */
export function forecast(finding: Told, t: Translate): string {
  const from = figureOf(finding, 'reach_from');
  const to = figureOf(finding, 'reach_to');
  if (from === undefined || to === undefined) return '';
  const limit = figureOf(finding, 'limit');
  const range = weeks(from, to);
  const what = finding.kind === 'overload_ahead' ? 'rated' : finding.kind === 'ageing_insulation' ? 'leak' : 'heat';
  return t(`findings.ahead.${what}${range.from === 0 ? '_soon' : ''}`, { ...range, limit: limit === undefined ? '' : rounded(limit) });
}
