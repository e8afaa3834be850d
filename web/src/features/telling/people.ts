/** Who can be told, as a form names them: `account:5`, `duty:2`, `role:electrician`. */

import { computed, type ComputedRef } from 'vue';
import { useI18n } from '@/app/i18n';
import type { Option } from '@/kit/form';
import { can } from '@/features/session/session';
import { ROLES } from '@/features/people/types';
import { useAccounts, useDuty } from './queries';
import type { Recipient } from './types';

export function keyOf(recipient: Recipient): string {
  return recipient.kind === 'account' ? `account:${recipient.account_id}` : recipient.kind === 'on_duty' ? `duty:${recipient.duty_id}` : `role:${recipient.role}`;
}

/** The recipient of a key; null for what is none. */
export function recipientOf(key: string): Recipient | null {
  const [kind, said = ''] = key.split(':');
  if (kind === 'account') return { kind: 'account', account_id: Number(said) };
  if (kind === 'duty') return { kind: 'on_duty', duty_id: Number(said) };
  const role = ROLES.find((known) => known === said);
  return kind === 'role' && role !== undefined ? { kind: 'responsible', role } : null;
}

/** Names of accounts are only for those who manage them; roles and duty calendars are for all who set up telling. */
export function usePeople(): { options: ComputedRef<Option[]>; accounts: ComputedRef<Option[]>; nameOf: (recipient: Recipient) => string } {
  const { t } = useI18n();
  const known = useAccounts(() => can('people.manage'));
  const duty = useDuty();
  const accounts = computed(() => (known.data.value ?? []).map((user) => ({ value: String(user.id), label: user.name || user.login })));
  const options = computed(() => [
    ...ROLES.map((role) => ({ value: `role:${role}`, label: t('telling.by_role', { role: t(`vocabulary.role.${role}`) }) })),
    ...(duty.data.value ?? []).map((one) => ({ value: `duty:${one.id}`, label: t('telling.on_duty', { name: one.name }) })),
    ...accounts.value.map((one) => ({ value: `account:${one.value}`, label: one.label })),
  ]);
  const nameOf = (recipient: Recipient): string => options.value.find((option) => option.value === keyOf(recipient))?.label ?? (recipient.kind === 'account' ? t('telling.person_n', { n: recipient.account_id }) : keyOf(recipient));
  return { options, accounts, nameOf };
}
