/** Ties the alarms that wait for acknowledgement to sound and desktop notification, on whatever page one is. */

import { computed, watchEffect } from 'vue';
import { useI18n } from '@/app/i18n';
import { useRouter } from 'vue-router';
import { awaitsAcknowledgement } from '@/kit/states';
import { useLive } from '@/live/live';
import { notify } from '@/live/notify';
import { callFor, rearm } from '@/live/sound';
import { useMostUrgent } from '@/features/alarms/queries';
import { can, session } from '@/features/session/session';

export function useSiren() {
  const { t } = useI18n();
  const router = useRouter();
  const urgent = useMostUrgent(() => session.value !== null);
  const waiting = computed(() => urgent.data.value?.total ?? 0);
  const worst = computed(() => urgent.data.value?.items[0]?.severity ?? null);
  // Only those who can answer are called.
  watchEffect(() => callFor(can('alarm.acknowledge') ? worst.value : null));

  /** Alarms already called out, by id and severity, so that only news makes noise. */
  const known = new Map<number, string>();
  useLive('alarm', (alarm) => {
    if (!awaitsAcknowledgement(alarm.state) || alarm.aside !== null) {
      known.delete(alarm.id);
      return;
    }
    if (known.get(alarm.id) === alarm.severity) return;
    known.set(alarm.id, alarm.severity);
    rearm();
    if (can('alarm.acknowledge') && alarm.severity !== 'fault') {
      const title = `${t(`vocabulary.severity.${alarm.severity}`)} · ${alarm.site_name}`;
      const body = `${t(`vocabulary.hazard.${alarm.hazard}`)} · ${alarm.circuit_name ?? alarm.detector_name}`;
      notify(title, body, `alarm-${alarm.id}`, () => void router.push({ name: 'alarm', params: { id: alarm.id } }));
    }
  });
  return { waiting, worst };
}
