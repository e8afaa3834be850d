/** Forms: what was typed stays, the wrong field is named, the button waits for the answer. */

import { ref, shallowRef, type Ref, type ShallowRef } from 'vue';
import { asProblem, type FieldProblem, type Problem } from '@/api/problem';

export interface Option {
  value: string;
  label: string;
  disabled?: boolean;
}

export interface Form {
  busy: Ref<boolean>;
  problem: ShallowRef<Problem | null>;
  /** What is wrong with a field, found here or by the server. */
  wrong: (field: string) => FieldProblem | undefined;
  /** Refuse a field before the server is asked. */
  refuse: (field: string, code: string, params?: Record<string, unknown>) => void;
  /** Runs `send` once; `true` when it went through. */
  submit: (send: () => Promise<unknown>) => Promise<boolean>;
  clear: () => void;
  /** The refusal as a whole has no field in this form: it is shown above it. */
  general: (fields: readonly string[]) => Problem | null;
}

export function useForm(): Form {
  const busy = ref(false);
  const problem = shallowRef<Problem | null>(null);
  const own = ref<FieldProblem[]>([]);

  return {
    busy,
    problem,
    wrong: (field) => own.value.find((error) => error.field === field) ?? problem.value?.field(field),
    refuse: (field, code, params) => {
      own.value = [...own.value.filter((error) => error.field !== field), params === undefined ? { field, code, message: code } : { field, code, message: code, params }];
    },
    submit: async (send) => {
      if (busy.value || own.value.length > 0) return false;
      busy.value = true;
      problem.value = null;
      try {
        await send();
        return true;
      } catch (error) {
        problem.value = asProblem(error);
        return false;
      } finally {
        busy.value = false;
      }
    },
    clear: () => {
      problem.value = null;
      own.value = [];
    },
    general: (fields) => {
      const said = problem.value;
      if (said === null) return null;
      return said.errors.length > 0 && said.errors.every((error) => fields.includes(error.field)) ? null : said;
    },
  };
}

/** `' 12,5 '` -> 12.5; empty -> null; anything else -> NaN. */
export function numberOf(typed: string): number | null {
  const said = typed.trim().replace(',', '.');
  if (said === '') return null;
  return /^[+-]?(\d+(\.\d*)?|\.\d+)$/.test(said) ? Number(said) : Number.NaN;
}

/** Empty text is no text. */
export function textOf(typed: string): string | null {
  const said = typed.trim();
  return said === '' ? null : said;
}
