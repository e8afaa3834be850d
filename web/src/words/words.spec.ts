import { Converter } from 'opencc-js';
import { describe, expect, it } from 'vitest';
import firstEn from './first.en';
import firstZhCN from './first.zh-CN';
import firstZhTW from './first.zh-TW';
import restEn from './rest.en';
import restZhCN from './rest.zh-CN';
import restZhTW from './rest.zh-TW';
import type { Words } from './words';

const en: Words = { ...firstEn, ...restEn };
const zhCN: Words = { ...firstZhCN, ...restZhCN };
const zhTW: Words = { ...firstZhTW, ...restZhTW };

function flat(words: Words, prefix = ''): Map<string, string> {
  const texts = new Map<string, string>();
  for (const [key, value] of Object.entries(words)) {
    if (typeof value === 'string') texts.set(prefix + key, value);
    else for (const [path, text] of flat(value, `${prefix}${key}.`)) texts.set(path, text);
  }
  return texts;
}

function placeholders(text: string): string[] {
  return [...new Set([...text.matchAll(/\{(\w+)\}/g)].map((match) => match[1] ?? ''))].sort();
}

const source = flat(zhCN);
const sources = import.meta.glob<string>(['../**/*.vue', '../**/*.ts', '!../words/**'], { eager: true, query: '?raw', import: 'default' });

describe.each([
  ['zh-TW', flat(zhTW)],
  ['en', flat(en)],
])('words in %s', (_language, words) => {
  it('has the keys of zh-CN and no others', () => {
    expect([...words.keys()].sort()).toEqual([...source.keys()].sort());
  });

  it('has the same placeholders in every text', () => {
    const differing = [...source].filter(([key, text]) => placeholders(text).join() !== placeholders(words.get(key) ?? '').join());
    expect(differing.map(([key]) => key)).toEqual([]);
  });

  it('escapes nothing: a brace that is no placeholder is written as it is', () => {
    expect([...words].filter(([, text]) => text.includes("{'")).map(([key]) => key)).toEqual([]);
  });

  it('leaves no text empty', () => {
    expect([...words].filter(([, text]) => text.trim() === '').map(([key]) => key)).toEqual([]);
  });
});

describe('scripts', () => {
  it('writes traditional characters in zh-TW', () => {
    const convert = Converter({ from: 'cn', to: 't' });
    // 台 and the like are right in both scripts; what matters is that nothing simplified was left.
    const simplified = [...flat(zhTW)].filter(([, text]) => [...text].some((char) => convert(char) !== char && !'台里后只干才系面准于群裡峰床占布台游吃'.includes(char)));
    expect(simplified).toEqual([]);
  });

  it('writes no Chinese in en', () => {
    expect([...flat(en)].filter(([, text]) => /[\u4e00-\u9fff]/.test(text))).toEqual([]);
  });
});

describe('use', () => {
  it('finds every key that the code names', () => {
    const missing: string[] = [];
    for (const [file, code] of Object.entries(sources)) {
      for (const match of code.matchAll(/\bt\(\s*'([a-z][\w-]*(?:\.[\w-]+)+)'/g)) {
        const key = match[1] ?? '';
        if (!source.has(key)) missing.push(`${file}: ${key}`);
      }
    }
    expect(missing).toEqual([]);
  });
});

describe('start page', () => {
  /** The files that come with the application itself: what `main.ts` imports, and what those import. */
  function started(file: string, seen = new Set<string>()): Set<string> {
    const code = sources[file];
    if (code === undefined || seen.has(file)) return seen;
    seen.add(file);
    for (const match of code.matchAll(/^\s*import (?!type\b)(?:[^'"]*? from )?'([^']+)'/gm)) {
      const named = match[1] ?? '';
      const from = named.startsWith('@/') ? `../${named.slice(2)}` : new URL(named, `file:///words/${file.replace('../', '../src/')}`).pathname.replace('/src/', '../');
      if (!named.startsWith('@/') && !named.startsWith('.')) continue;
      for (const ending of ['', '.ts']) started(from + ending, seen);
    }
    return seen;
  }
  const files = started('../main.ts');

  it('is found', () => {
    expect(files).toContain('../features/overview/OverviewView.vue');
    expect(files).toContain('../app/shell/TopBar.vue');
  });

  it('says only words that come with it', () => {
    const later = [...files].flatMap((file) => [...(sources[file] ?? '').matchAll(/\b(?:te?\(|word:|does:)\s*[`']([a-z_]+)\./g)].filter((match) => (match[1] ?? '') in restZhCN).map((match) => `${file}: ${match[1]}`));
    expect(later).toEqual([]);
  });

  it('does without the component library and charts', () => {
    expect([...files].filter((file) => /^import (?!type).* from '(?:naive-ui|echarts|vue-echarts)/m.test(sources[file] ?? ''))).toEqual([]);
  });
});
