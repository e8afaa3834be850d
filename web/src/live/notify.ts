/** Desktop notifications of new alarms, for when the desk's window is not in front. */

import { computed, ref } from 'vue';

type Permit = NotificationPermission | 'unsupported';
const permit = ref<Permit>('Notification' in window ? Notification.permission : 'unsupported');
export const notifyPermit = computed(() => permit.value);

/** Must come from a click; browsers refuse to ask otherwise. */
export async function askToNotify(): Promise<void> {
  if (permit.value !== 'unsupported') permit.value = await Notification.requestPermission();
}

export function notify(title: string, body: string, tag: string, open: () => void): void {
  if (permit.value !== 'granted' || document.visibilityState === 'visible') return;
  const shown = new Notification(title, { body, tag });
  shown.onclick = () => {
    window.focus();
    open();
    shown.close();
  };
}
