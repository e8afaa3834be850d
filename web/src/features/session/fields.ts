/** Words for what the server finds wrong with a field of these forms. */

import { useI18n } from '@/app/i18n';
import type { Problem } from '@/api/problem';

/** Shortest password that the server takes; it says so itself in `params.min` when asked with less. */
export const PASSWORD_MIN = 10;

export function useFieldWords() {
  const { t, te } = useI18n();
  return (problem: Problem | null, name: string): string | null => {
    const found = problem?.field(name);
    if (found === undefined) return null;
    const key = `session.field.${found.code}`;
    return te(key) ? t(key, { min: PASSWORD_MIN, ...found.params }) : found.message;
  };
}
