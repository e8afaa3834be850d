/** What is wrong with a field, in the reader's language: by the code of the mistake and its figures. */

import type { FieldProblem } from '@/api/problem';

export interface Speech {
  t: (key: string, named: Record<string, unknown>) => string;
  te: (key: string) => boolean;
}

export function fieldWords(problem: FieldProblem, { t, te }: Speech): string {
  const key = `forms.errors.${problem.code}`;
  const named = Object.fromEntries(Object.entries(problem.params ?? {}).map(([name, said]) => [name, String(said)]));
  const words = te(key) ? t(key, named) : '';
  // A text whose figures the server did not send would read worse than the server's own.
  return words === '' || /\{\w+\}/.test(words) ? problem.message : words;
}
