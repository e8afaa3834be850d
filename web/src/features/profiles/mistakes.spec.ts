import { describe, expect, it } from 'vitest';
import first from '@/words/first.en';
import rest from '@/words/rest.en';
import type { Speech } from '@/kit/fieldWords';
import { wordsOf } from './mistakes';

/** The server's codes, as its source has them. */
const sources = import.meta.glob<string>(['../../../../crates/domain/src/profile/check.rs', '../../../../crates/domain/src/profile/parse.rs', '../../../../crates/domain/src/profile/check/*.rs', '../../../../crates/api/src/profiles/form/write.rs'], { eager: true, query: '?raw', import: 'default' });
const codes = [...new Set(Object.values(sources).flatMap((text) => [...text.matchAll(/(?:says!\(\s*|code: )"([a-z_]+)"/g)].map((match) => match[1] ?? '')))];

/** The codes of the bench's refusals, likewise. */
const benchSources = import.meta.glob<string>('../../../../crates/api/src/profiles/bench/*.rs', { eager: true, query: '?raw', import: 'default' });
const refusals = [...new Set(Object.values(benchSources).flatMap((text) => [...text.matchAll(/why!\(\s*"([a-z_]+)"/g)].map((match) => match[1] ?? '')))].filter((code) => code !== 'other');

function textAt(path: string): string | undefined {
  let at: unknown = { ...first, ...rest };
  for (const part of path.split('.')) at = typeof at === 'object' && at !== null ? (at as Record<string, unknown>)[part] : undefined;
  return typeof at === 'string' ? at : undefined;
}
const speech: Speech = {
  te: (key) => textAt(key) !== undefined,
  t: (key, named) => (textAt(key) ?? key).replace(/\{(\w+)\}/g, (_, name: string) => String(named[name])),
};

describe('mistakes', () => {
  it('have words for every code of the server', () => {
    expect(codes.length).toBeGreaterThan(60);
    expect(codes.filter((code) => textAt(`mistakes.${code}`) === undefined)).toEqual([]);
  });

  it('have words for every refusal of the bench, and words for no other', () => {
    expect(refusals.length).toBeGreaterThan(25);
    expect([...refusals].sort()).toEqual(Object.keys(rest['refusals'] ?? {}).sort());
    const said = { code: 'not_an_upload', params: { protocol: 'cloud_7b7b' }, reason: 'x' };
    expect(wordsOf(said, speech, 'refusals')).toBe('This is an upload, but the profile speaks 7B7B');
  });

  it('name fields and hazards by their words', () => {
    const params = { what: 'scale', had: '300', least: '0', greatest: '9' };
    expect(wordsOf({ code: 'out_of_range', params, reason: 'x' }, speech)).toBe('Scale (scale) is 300; want 0 to 9');
    expect(wordsOf({ code: 'limit_of_nothing', params: { hazard: 'over_voltage' }, reason: 'x' }, speech)).not.toContain('over_voltage');
  });

  it('keep the server’s sentence for what they do not know', () => {
    expect(wordsOf({ code: 'of_next_year', params: {}, reason: 'had 1, want 2' }, speech)).toBe('had 1, want 2');
  });
});
