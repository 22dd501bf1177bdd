import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  TabularError,
  columnByName,
  columnFromValues,
  compareCategories,
  concatTables,
  createTable,
  inferColumn,
  inferTable,
  inferTask,
  parseDecimal,
  presentRows,
  rowAt,
  schemaOf,
  selectColumns,
  selectRows,
} from '../src/index.js';
import { anyTable } from './arbitraries.js';

describe('schema inference', () => {
  it.each([
    ['numeric', ['1', '-2.5', ' 3e4 ', '.5', '+7.', 'NA', '']],
    ['numeric', ['', '.', '?']],
    ['categorical', ['1', '0x10']],
    ['categorical', ['1', 'Infinity']],
    ['categorical', ['1', '1e999']],
    ['categorical', ['1', '1_000']],
    ['categorical', ['1,5', '2']],
    ['boolean', ['true', 'FALSE', 'None', 'False']],
    ['categorical', ['true', 'no']],
    ['categorical', ['MALE', 'FEMALE', '.']],
  ])('takes a column for %s: %j', (type, cells) => {
    expect(inferColumn('c', cells).type).toBe(type);
  });

  it('counts missing tokens as missing, after trimming, and sorts categories', () => {
    const column = inferColumn('sex', ['MALE', ' NA ', 'FEMALE', '.', null, '']);
    expect(column).toEqual({
      name: 'sex',
      type: 'categorical',
      codes: Int32Array.of(1, -1, 0, -1, -1, -1),
      categories: ['FEMALE', 'MALE'],
    });
  });

  it('takes other missing tokens instead of the default ones', () => {
    expect(inferColumn('c', ['-99', '5', '6'], { missingTokens: ['-99'] })).toMatchObject({
      values: Float64Array.of(NaN, 5, 6),
    });
    expect(inferColumn('c', ['NA', '5'], { missingTokens: [''] }).type).toBe('categorical');
  });

  it('names column, row and value of a cell that does not fit its given type', () => {
    const infer = (): unknown =>
      inferColumn('mass', ['1', 'heavy'], { override: 'numeric', firstRowNumber: 2 });
    expect(infer).toThrow(TabularError);
    expect(infer).toThrow(/Column "mass", row 3: "heavy"/);
    try {
      infer();
    } catch (error) {
      expect(error).toMatchObject({
        code: 'RK_TABULAR_CELL_INVALID',
        details: { column: 'mass', row: '3', value: 'heavy' },
      });
    }
    expect(() => inferColumn('flag', ['true', '1'], { override: 'boolean' })).toThrow(/row 2: "1"/);
  });

  it('takes numbers as categories or text where told to', () => {
    const table = inferTable(
      ['zip', 'note'],
      [
        ['10', '9', 'NA'],
        ['1', '2', '3'],
      ],
      { overrides: { zip: 'categorical', note: 'text' } },
    );
    expect(columnByName(table, 'zip')).toMatchObject({ type: 'categorical', categories: ['10', '9'] });
    expect(columnByName(table, 'note').type).toBe('text');
    expect(() => inferTable(['a'], [['1']], { overrides: { b: 'text' } })).toThrow(/"b"/);
  });

  it('reads every finite number that JavaScript writes', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (x) => {
        expect(parseDecimal(String(x))).toBe(Object.is(x, -0) ? 0 : x);
      }),
    );
  });
});

describe('task inference', () => {
  it('follows its rule', () => {
    expect(inferTask(columnFromValues('y', 'categorical', ['b', 'a', null]))).toMatchObject({
      task: 'binary',
      labels: ['a', 'b'],
    });
    expect(inferTask(columnFromValues('y', 'categorical', ['b', 'a', 'c'])).task).toBe('multiclass');
    expect(inferTask(columnFromValues('y', 'boolean', [true, false])).task).toBe('binary');
    expect(inferTask(columnFromValues('y', 'numeric', [0, 1, 1]))).toMatchObject({
      task: 'binary',
      labels: ['0', '1'],
    });
    expect(inferTask(columnFromValues('y', 'numeric', [10, 9, 1])).labels).toEqual(['1', '9', '10']);
    expect(inferTask(columnFromValues('y', 'numeric', [0, 1, 0.5])).task).toBe('regression');
    expect(inferTask(columnFromValues('y', 'numeric', [...Array(10).keys()])).task).toBe('multiclass');
    expect(inferTask(columnFromValues('y', 'numeric', [...Array(11).keys()])).task).toBe('regression');
  });

  it('refuses targets that teach nothing', () => {
    expect(() => inferTask(columnFromValues('y', 'numeric', [1.5, 1.5, null]))).toThrow(
      /only one distinct value/,
    );
    expect(() => inferTask(columnFromValues('y', 'categorical', [null]))).toThrow(/no value/);
    expect(() => inferTask(columnFromValues('y', 'text', ['a', 'b']))).toThrow(/free text/);
  });
});

describe('tables', () => {
  it('refuse columns of unequal length and equal name', () => {
    const a = columnFromValues('a', 'numeric', [1]);
    expect(() => createTable([a, columnFromValues('b', 'numeric', [1, 2])])).toThrow(/"b" has 2 rows/);
    expect(() => createTable([a, a])).toThrow(/named "a"/);
  });

  it('joined give the rows of the first, then of the second, whatever their category order', () => {
    fc.assert(
      fc.property(anyTable, fc.nat(), (table, n) => {
        const cut = table.rows === 0 ? 0 : n % table.rows;
        const rows = [...Array(table.rows).keys()];
        const first = selectRows(table, rows.slice(0, cut));
        const second = selectRows(table, rows.slice(cut));
        const reversed = selectColumns(second, table.columns.map((column) => column.name).reverse());
        const joined = concatTables(first, reversed);
        expect(rows.map((row) => rowAt(joined, row))).toEqual(rows.map((row) => rowAt(table, row)));
      }),
    );
  });

  it('give categories of both sides when joined', () => {
    const joined = concatTables(
      createTable([columnFromValues('c', 'categorical', ['b', null])]),
      createTable([columnFromValues('c', 'categorical', ['a', 'b'])]),
    );
    expect(joined.columns[0]).toMatchObject({ codes: Int32Array.of(0, -1, 1, 0), categories: ['b', 'a'] });
    expect(schemaOf(joined)).toEqual([
      { name: 'c', type: 'categorical', categories: ['b', 'a'], missing: 1 },
    ]);
    expect(presentRows(joined.columns[0]!)).toEqual(Uint32Array.of(0, 2, 3));
  });

  it('keep known categories in place when built from values', () => {
    const column = columnFromValues('c', 'categorical', ['z', 'b', 'a'], ['b', 'a']);
    expect(column).toMatchObject({ codes: Int32Array.of(2, 0, 1), categories: ['b', 'a', 'z'] });
    expect(() => columnFromValues('n', 'numeric', [true])).toThrow(/row 1: "true"/);
  });

  it('order categories by code point', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (a, b) => {
        const points = (s: string): number[] => Array.from(s, (c) => c.codePointAt(0)!);
        const [x, y] = [points(a), points(b)];
        const at = x.findIndex((point, i) => point !== y[i]);
        const expected =
          at === -1 ? Math.sign(x.length - y.length) : y[at] === undefined ? 1 : Math.sign(x[at]! - y[at]);
        expect(Math.sign(compareCategories(a, b))).toBe(expected);
      }),
    );
  });
});
