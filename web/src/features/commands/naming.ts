/** What a command is called on the screen. */

import { language, useI18n } from '@/app/i18n';
import type { Command } from './types';

/**
 * Profiles name their commands in Chinese. Where a model has one of a kind the code is the kind, and readers of other
 * languages are told in their own what would be switched; names of one's own (`alarm_1`) stay as the profile has them.
 */
export function useCommandNames(): (command: Pick<Command, 'kind' | 'code' | 'name'>) => string {
  const { t } = useI18n();
  return (command) => (command.name === '' || (language.value !== 'zh-CN' && command.code === command.kind) ? t(`commands.kind.${command.kind}`) : command.name);
}
