/** Acknowledge with undo, reset with its reasons, comment: what a person can do to alarms, wherever they stand. */

import { NButton, useMessage } from 'naive-ui';
import { h } from 'vue';
import { useI18n } from '@/app/i18n';
import { asProblem } from '@/api/problem';
import type { Alarm, Verdict } from '@/api/types';
import { conditionPresent, isLatched } from '@/kit/states';
import { useTime } from '@/kit/time';
import { can } from '@/features/session/session';
import { unshelve, useAlarmActs } from './queries';

/** How long an acknowledgement can be taken back from the toast; the server allows a little more. */
const UNDO_MS = 10_000;

/** Why this alarm cannot be reset, as a message key; null when it can. */
export function whyNoReset(alarm: Alarm): string | null {
  if (alarm.state === 'closed') return 'alarms.no_reset.closed';
  // Whoever has looked may say that the breaker is where it was wanted, the unassigned component well; all else ends by what is measured.
  if ((alarm.hazard === 'switch_failed' || alarm.hazard === 'unassigned_alarm') && conditionPresent(alarm.state)) return alarm.state === 'acknowledged' ? null : 'alarms.no_reset.not_acknowledged';
  if (conditionPresent(alarm.state)) return 'alarms.no_reset.condition';
  if (alarm.state === 'latched_unacknowledged') return 'alarms.no_reset.not_acknowledged';
  return isLatched(alarm.state) ? null : 'alarms.no_reset.not_latched';
}

export function useActs() {
  const { t, te } = useI18n();
  const time = useTime();
  const message = useMessage();
  const acts = useAlarmActs();

  function tell(error: unknown): void {
    const problem = asProblem(error);
    const code = te(`problems.${problem.code}.title`) ? problem.code : 'unavailable';
    message.error(`${t(`problems.${code}.title`)}${t('common.sentence_gap')}${t(`problems.${code}.advice`)}${problem.requestId === null ? '' : ` (${problem.requestId})`}`, { duration: 8000, closable: true });
  }

  function sayWithUndo(words: string, back: () => void): void {
    const shown = message.create(
      () =>
        h('span', { style: 'display:inline-flex;align-items:center;gap:14px' }, [
          words,
          h(
            NButton,
            {
              size: 'tiny',
              onClick: () => {
                shown.destroy();
                back();
              },
            },
            { default: () => t('common.undo') },
          ),
        ]),
      { type: 'default', duration: UNDO_MS, closable: true },
    );
  }

  function setAside(alarm: Alarm): void {
    sayWithUndo(t('alarms.aside.done', { time: time.at(alarm.aside?.until, 'short') }), () => void takeBack(alarm.id));
  }

  async function takeBack(id: number): Promise<void> {
    try {
      await unshelve(id);
      message.info(t('alarms.aside.back_done'));
    } catch (error) {
      tell(error);
    }
  }

  function judged(verdict: Verdict): void {
    message.success(t('alarms.verdict.saved', { what: t(`alarms.verdict.word.${verdict}`) }));
  }

  async function acknowledge(ids: readonly number[]): Promise<void> {
    if (ids.length === 0 || !can('alarm.acknowledge')) return;
    try {
      const { done, refused } = await acts.acknowledge.mutateAsync(ids);
      if (refused.length > 0) message.warning(t('alarms.refused_some', { n: refused.length }), { duration: 8000, closable: true });
      if (done.length === 0) return;
      sayWithUndo(t('alarms.acknowledged_toast', { n: done.length }, done.length), () => void undo(done));
    } catch (error) {
      tell(error);
    }
  }

  async function undo(ids: readonly number[]): Promise<void> {
    try {
      await acts.undo.mutateAsync(ids);
      message.info(t('alarms.undone_toast'));
    } catch (error) {
      tell(error);
    }
  }

  async function reset(id: number, comment: string, toDevice: boolean): Promise<boolean> {
    try {
      const { device_command: sent } = await acts.reset.mutateAsync({ id, send_to_device: toDevice, ...(comment === '' ? {} : { comment }) });
      const more = sent === null || sent === undefined ? '' : `${t('common.sentence_gap')}${t(`alarms.reset_device.${sent}`)}`;
      message[sent === 'failed' || sent === 'not_connected' ? 'warning' : 'success'](t('alarms.reset_done') + more, { duration: 6000 });
      return true;
    } catch (error) {
      tell(error);
      return false;
    }
  }

  return { acknowledge, tell, reset, setAside, takeBack, judged, busy: acts.acknowledge.isPending };
}
