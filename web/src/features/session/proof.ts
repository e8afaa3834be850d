/** How a person confirms something dangerous: their password once more, or a one-time code where they have set them up. */

import type { FieldProblem } from '@/api/problem';
import type { Form } from '@/kit/form';
import { textOf } from '@/kit/form';
import { session } from './session';

export interface Proof {
  by: 'password' | 'one_time_code';
  said: string;
}

export const hasCodes = (): boolean => session.value?.user.one_time_codes ?? false;

/** Whoever has set codes up wants to use them. */
export const emptyProof = (): Proof => ({ by: hasCodes() ? 'one_time_code' : 'password', said: '' });

/** A wrong code is mostly an old one, or of a phone whose clock is off; that is said with it. */
export function codeProblem(form: Pick<Form, 'wrong'>): FieldProblem | undefined {
  const problem = form.wrong('one_time_code');
  return problem?.code === 'wrong' ? { ...problem, code: 'wrong_code' } : problem;
}

/** What is sent of it; an empty one is refused at its own field. */
export function proofOf(proof: Proof, form: Pick<Form, 'refuse'>): { password?: string; one_time_code?: string } {
  if (proof.by === 'one_time_code') {
    const code = textOf(proof.said);
    if (code === null) form.refuse('one_time_code', 'missing');
    return code === null ? {} : { one_time_code: code };
  }
  if (proof.said === '') form.refuse('password', 'missing');
  return { password: proof.said };
}
