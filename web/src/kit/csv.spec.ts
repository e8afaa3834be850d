import { expect, it } from 'vitest';
import { allRows, csvOf } from './csv';

it('quotes what needs it and disarms formulas', () => {
  const rows = [{ name: '宏发, "一号"', n: 3 }, { name: '=HYPERLINK("x")', n: null }, { name: '两\n行', n: -1.5 }];
  expect(csvOf([{ title: '名称', value: (row) => row.name }, { title: 'n', value: (row) => row.n }], rows)).toBe('\uFEFF名称,n\r\n"宏发, ""一号""",3\r\n"\'=HYPERLINK(""x"")",\r\n"两\n行",-1.5\r\n');
});

it('reads a list to its end', async () => {
  const asked: string[] = [];
  const rows = await allRows(async (cursor) => {
    asked.push(cursor);
    return cursor === '' ? { items: [1, 2], next_cursor: 'b' } : { items: [3], next_cursor: null };
  });
  expect(rows).toEqual([1, 2, 3]);
  expect(asked).toEqual(['', 'b']);
});
