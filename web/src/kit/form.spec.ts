import { describe, expect, it } from 'vitest';
import { Problem } from '@/api/problem';
import { numberOf, textOf, useForm } from './form';

describe('numbers as typed', () => {
  it.each([
    ['12.5', 12.5],
    [' 12,5 ', 12.5],
    ['-3', -3],
    ['.5', 0.5],
    ['', null],
    ['  ', null],
  ])('reads %j', (typed, wanted) => expect(numberOf(typed)).toBe(wanted));

  it.each(['12a', 'abc', '1.2.3', '1e5', '--1'])('refuses %j', (typed) => expect(numberOf(typed)).toBeNaN());
});

it('takes blank text for none', () => {
  expect(textOf('  ')).toBeNull();
  expect(textOf(' a ')).toBe('a');
});

describe('a form', () => {
  const invalid = new Problem({ status: 422, code: 'invalid', errors: [{ field: 'name', code: 'required', message: 'a name is needed' }] });

  it('says which field the server refused', async () => {
    const form = useForm();
    expect(await form.submit(() => Promise.reject(invalid))).toBe(false);
    expect(form.wrong('name')?.code).toBe('required');
    expect(form.wrong('address')).toBeUndefined();
    expect(form.general(['name'])).toBeNull();
    expect(form.general(['address'])).toBe(invalid);
  });

  it('asks nothing of the server while a field is known to be wrong', async () => {
    const form = useForm();
    form.refuse('lon', 'not_a_number');
    let asked = false;
    expect(await form.submit(async () => void (asked = true))).toBe(false);
    expect(asked).toBe(false);
    form.clear();
    expect(await form.submit(async () => void (asked = true))).toBe(true);
    expect(asked).toBe(true);
  });

  it('sends once however often the button is pressed', async () => {
    const form = useForm();
    let sent = 0;
    let answer: () => void = () => undefined;
    const first = form.submit(() => new Promise<void>((resolve) => ((answer = resolve), (sent += 1))));
    expect(form.busy.value).toBe(true);
    expect(await form.submit(async () => void (sent += 1))).toBe(false);
    answer();
    expect(await first).toBe(true);
    expect(sent).toBe(1);
  });
});
