/**
 * A profile that is being written. Text and form are one document: what is typed in the form goes to the server, comes
 * back as text, and the other way round; the server says what is wrong and where.
 */

import { computed, onBeforeUnmount, ref, shallowRef, type ComputedRef, type Ref, type ShallowRef } from 'vue';
import { asProblem, type Problem } from '@/api/problem';
import { validate } from './queries';
import type { Check, ProfileForm } from './types';

/** Typing pauses this long before the server is asked, ms. */
const PAUSE_MS = 300;

export interface Draft {
  text: Ref<string>;
  /** The text as it was read. */
  before: Ref<string>;
  /** Null while the text is no TOML. */
  form: Ref<ProfileForm | null>;
  check: ShallowRef<Check | null>;
  problem: ShallowRef<Problem | null>;
  /** What was typed last is not checked yet. */
  pending: Ref<boolean>;
  changed: ComputedRef<boolean>;
  /** Begins with a text of the server. */
  begin: (text: string) => void;
  typedText: (text: string) => void;
  typedForm: () => void;
  /** Waits until what was typed last is checked. */
  settled: () => Promise<void>;
}

export function useDraft(id: () => string | null): Draft {
  const text = ref('');
  const before = ref('');
  const form = ref<ProfileForm | null>(null);
  const check = shallowRef<Check | null>(null);
  const problem = shallowRef<Problem | null>(null);
  const pending = ref(false);
  let timer: ReturnType<typeof setTimeout> | undefined;
  let turn = 0;
  let fromForm = false;
  let running: Promise<void> = Promise.resolve();

  async function ask(): Promise<void> {
    clearTimeout(timer);
    timer = undefined;
    const mine = ++turn;
    const said = fromForm ? form.value : null;
    try {
      const answer = await validate(id(), text.value, said);
      if (mine !== turn) return;
      problem.value = null;
      check.value = answer;
      text.value = answer.text;
      form.value = answer.form;
    } catch (error) {
      if (mine !== turn) return;
      problem.value = asProblem(error);
    }
    pending.value = false;
  }

  function soon(isForm: boolean): void {
    fromForm = isForm;
    pending.value = true;
    // An answer that is under way is about what was there before.
    turn += 1;
    clearTimeout(timer);
    timer = setTimeout(() => (running = ask()), PAUSE_MS);
  }
  onBeforeUnmount(() => {
    clearTimeout(timer);
    turn += 1;
  });

  return {
    text,
    before,
    form,
    check,
    problem,
    pending,
    changed: computed(() => text.value !== before.value),
    begin: (next) => {
      text.value = next;
      before.value = next;
      form.value = null;
      fromForm = false;
      pending.value = true;
      running = ask();
    },
    typedText: (next) => {
      text.value = next;
      soon(false);
    },
    typedForm: () => soon(true),
    settled: async () => {
      if (timer !== undefined) running = ask();
      await running;
    },
  };
}
