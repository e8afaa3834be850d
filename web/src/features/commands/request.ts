/** From what was typed into the window of a command to what is sent, or to what is wrong with it. */

import { emptyProof, proofOf, type Proof } from '@/features/session/proof';
import { numberOf, textOf, type Form } from '@/kit/form';
import type { CommandOption, NewCommand, WhatIf } from './types';

export interface Typed {
  value: string;
  reason: string;
  proof: Proof;
  skipped: string;
  /** Seconds until it is given up when the device does not come. */
  wait_s: string;
  function: string;
  address: string;
  count: string;
}

type Waiting = Pick<CommandOption, 'kind' | 'needs_approval'>;

/** How long a command may wait, s; the first where nobody chooses. A breaker does not move when nobody expects it any more. */
export const waitsOf = (option: Waiting): readonly number[] => (option.kind !== 'trip' && option.kind !== 'close' ? [3600, 43_200, 86_400, 604_800] : option.needs_approval ? [3600] : [300, 3600]);

export const emptyTyped = (option: Waiting): Typed => ({ value: '', reason: '', proof: emptyProof(), skipped: '', wait_s: String(waitsOf(option)[0]), function: '3', address: '', count: '1' });

/** `0x10` or `16`; NaN for anything else. */
export function registerOf(typed: string): number {
  const said = typed.trim();
  return /^0x[0-9a-f]{1,4}$/i.test(said) ? Number.parseInt(said.slice(2), 16) : /^\d{1,5}$/.test(said) ? Number(said) : Number.NaN;
}

/** The trial that fits what is typed now; one of another value does not count. */
export function fittingTrial(option: CommandOption, value: number | null, trial: WhatIf | null): WhatIf | null {
  if (trial === null || option.field === null || value === null) return null;
  return trial.hazard === option.hazard && trial.candidate.limits[option.field] === value ? trial : null;
}

export function requestOf(detector: number, option: CommandOption, typed: Typed, trial: WhatIf | null, form: Pick<Form, 'refuse'>): NewCommand {
  const value = option.unit === null ? null : numberOf(typed.value);
  if (option.unit !== null) {
    if (value === null) form.refuse('value', 'missing');
    else if (Number.isNaN(value)) form.refuse('value', 'not_a_number');
    else if ((option.min !== null && value < option.min) || (option.max !== null && value > option.max)) form.refuse('value', 'out_of_range', { min: option.min ?? '−∞', max: option.max ?? '∞' });
  }
  if (option.needs_reason && textOf(typed.reason) === null) form.refuse('reason', 'missing');
  const fits = fittingTrial(option, value, trial);
  if (option.needs_what_if && fits === null && textOf(typed.skipped) === null) form.refuse('what_if_id', 'missing');
  const wanted: NewCommand = { detector_id: detector, kind: option.kind, code: option.code, expires_in_s: Number(typed.wait_s) };
  if (value !== null) wanted.value = value;
  const reason = textOf(typed.reason);
  if (reason !== null) wanted.reason = reason;
  if (option.needs_password) Object.assign(wanted, proofOf(typed.proof, form));
  if (fits !== null) wanted.what_if_id = fits.id;
  else if (option.needs_what_if) wanted.skipped_because = textOf(typed.skipped);
  if (option.kind === 'raw_read') {
    const address = registerOf(typed.address);
    const count = numberOf(typed.count) ?? Number.NaN;
    if (Number.isNaN(address)) form.refuse('read.address', 'invalid');
    if (!Number.isInteger(count) || count < 1 || count > 125) form.refuse('read.count', 'out_of_range', { min: 1, max: 125 });
    wanted.read = { function: Number(typed.function), address, count };
    delete wanted.code;
  }
  return wanted;
}
