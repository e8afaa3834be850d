/** From the codes of risk to words and to the page where an act is done. */

import type { RouteLocationRaw } from 'vue-router';
import type { RiskAct, RiskCause } from './types';

export type Say = (key: string, named?: Record<string, unknown>) => string;

/** `acknowledge` and the like come in minutes that nobody counts: hours from two on, days from two on. */
function span(minutes: number, say: Say): string {
  if (minutes >= 2880) return say('common.for_days', { n: Math.floor(minutes / 1440) });
  if (minutes >= 120) return say('common.for_hours_minutes', { h: Math.floor(minutes / 60), m: minutes % 60 });
  return say('common.for_minutes', { n: minutes });
}

export function causeWords(cause: RiskCause, say: Say): string {
  const hazard = cause.hazard === null ? '' : say(`vocabulary.hazard.${cause.hazard}`);
  switch (cause.code) {
    case 'open_alarm':
      return say(cause.returned === true ? 'risk.cause.open_alarm_returned' : 'risk.cause.open_alarm', { hazard, severity: say(`vocabulary.severity.${cause.severity ?? 'alarm'}`) });
    case 'unacknowledged':
      return say('risk.cause.unacknowledged', { hazard, time: span(cause.minutes ?? 0, say) });
    case 'finding':
      return say(cause.strength === 'weak' ? 'risk.cause.finding_weak' : 'risk.cause.finding', { finding: say(`findings.${cause.kind ?? ''}.name`), percent: Math.floor((cause.confidence ?? 0) * 100) });
    case 'no_self_test':
      return say(cause.ever === true ? 'risk.cause.no_self_test' : 'risk.cause.never_self_test', { days: cause.days ?? 0 });
    default:
      return say(`risk.cause.${cause.code}`, { hazard, days: cause.days ?? 0, count: cause.count ?? 0 });
  }
}

export function actWords(act: RiskAct, say: Say): string {
  const { hazard, kind } = act.cause;
  return say(`risk.act.${act.code}`, { hazard: hazard === null ? '' : say(`vocabulary.hazard.${hazard}`), finding: kind === null ? '' : say(`findings.${kind}.name`), where: act.unit_name });
}

/** Where the act is done. */
export function actPlace(act: RiskAct, site: number): RouteLocationRaw {
  if (act.cause.alarm_id !== null) return { name: 'alarm', params: { id: act.cause.alarm_id } };
  if (act.detector_id === null) return { name: 'site', params: { id: site } };
  const tab = { check_finding: 'analysis', inspect: 'commissioning', self_test: 'commands' }[act.code];
  return { name: 'detector', params: { id: act.detector_id }, query: tab === undefined ? {} : { tab } };
}
