/** What is wrong with a profile, or why the bench could read nothing, in the reader's language: by its code and what it is about. */

import { useI18n } from '@/app/i18n';
import type { FieldProblem } from '@/api/problem';
import { shortProtocol } from '@/features/detectors/protocols';
import { fieldWords, type Speech } from '@/kit/fieldWords';

/** The parts of a mistake that its words are made of. */
export interface Said {
  code: string;
  params: Record<string, string>;
  /** The server's own sentence, for codes that this version of the screens does not know. */
  reason: string;
}

export function wordsOf(said: Said, { t, te }: Speech, file: 'mistakes' | 'refusals' = 'mistakes'): string {
  const key = `${file}.${said.code}`;
  if (!te(key)) return said.reason;
  const word = (path: string, otherwise: string): string => (te(path) ? t(path, {}) : otherwise);
  const named = Object.fromEntries(
    Object.entries(said.params).map(([name, value]) => {
      if (name === 'what') return [name, word(`profiles.field.${value}`, value) === value ? value : `${word(`profiles.field.${value}`, value)} (${value})`];
      if (name === 'protocol') return [name, shortProtocol(value) ?? value];
      if (name === 'hazard') return [name, word(`vocabulary.hazard.${value}`, value)];
      if (value === 'a keyed value' || value === 'a message' || value === 'the point') return [name, word('mistakes.word.writer', value)];
      return [name, said.code === 'key_mixed' ? word(`mistakes.word.${value}`, value) : value];
    }),
  );
  return t(key, named);
}

function isTexts(value: unknown): value is Record<string, string> {
  return typeof value === 'object' && value !== null && Object.values(value).every((one) => typeof one === 'string');
}

export function useMistakes() {
  const { t, te } = useI18n();
  const speech: Speech = { t: (key, named) => t(key, named), te: (key) => te(key) };
  return {
    words: (said: Said): string => wordsOf(said, speech),
    /** Why the bench could read nothing. */
    refusal: (said: Said): string => wordsOf(said, speech, 'refusals'),
    /** What is wrong with a field that is shown outside of its own box. */
    ofInput: (problem: FieldProblem): string => fieldWords(problem, speech),
    /** The same mistake with its reason in the reader's language. */
    translated: <M extends Said>(mistake: M | null): M | null => (mistake === null ? null : { ...mistake, reason: wordsOf(mistake, speech) }),
    /** A refusal of the text as a whole, as the bench gets it. */
    ofField: (problem: FieldProblem | undefined): string | undefined => {
      const { mistake, with: params, reason, line, column } = problem?.params ?? {};
      if (typeof mistake !== 'string' || typeof reason !== 'string') return problem?.message;
      const words = wordsOf({ code: mistake, params: isTexts(params) ? params : {}, reason }, speech);
      return `${t('profiles.at_line', { line: String(line), column: String(column) })} ${words}`;
    },
  };
}
