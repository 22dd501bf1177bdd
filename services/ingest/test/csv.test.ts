import { cellAt, inferColumn } from '@rookery/tabular';
import type { Column, ColumnType } from '@rookery/tabular';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { decimalOf } from '../src/domain/csv/csv-cells.js';
import { createHeaderGuard } from '../src/domain/csv/delimiter.js';
import { readCsv } from '../src/domain/csv/read-csv.js';
import { bytesOf, readOptions } from './fixtures.js';

/** Cells that trouble a parser: quotes, line breaks, delimiters, blanks, non-ASCII, a byte order mark within. */
const cell = fc
  .oneof(
    fc.string({ maxLength: 8 }),
    fc.string({ unit: 'binary', maxLength: 8 }),
    fc.constantFrom(
      '',
      ' ',
      '"',
      '""',
      ',',
      '\n',
      '\r\n',
      '\r',
      'a"b',
      '"a",',
      'é,ü\n',
      '\ufeff',
      ';',
      '\t',
      '1',
      '-0',
    ),
  )
  .filter((text) => !text.includes('\0'));

/** A writer that follows RFC 4180; `loose` quotes only where it must. */
const written = (text: string, quoteAll: boolean): string =>
  quoteAll || /[",\r\n]/.test(text) || text === '' ? `"${text.replaceAll('"', '""')}"` : text;

const table = fc
  .integer({ min: 1, max: 5 })
  .chain((columns) =>
    fc.array(fc.array(cell, { minLength: columns, maxLength: columns }), { minLength: 1, maxLength: 8 }),
  );

/** All columns as texts, cell by cell as they stand in the file. */
async function textsOf(bytes: Uint8Array, names: readonly string[]): Promise<unknown[][]> {
  const columnTypes = Object.fromEntries(names.map((name) => [name, 'text' as const]));
  const { table: read } = await readCsv(bytes, readOptions({ missingTokens: [], columnTypes }));
  return Array.from({ length: read.rows }, (_, row) => read.columns.map((column) => cellAt(column, row)));
}

/** What the reader makes of these columns, and what the rule of inferColumn makes of their texts. */
async function bothWays(
  columns: readonly (readonly string[])[],
  missingTokens: readonly string[],
  lineEnd = '\n',
): Promise<{ read: readonly Column[]; expected: readonly Column[] }> {
  const lines = columns[0]!.map((_, row) => columns.map((cells) => written(cells[row]!, false)).join(','));
  const header = columns.map((_, i) => `c${i}`);
  const bytes = bytesOf([header.join(','), ...lines].join(lineEnd));
  const { table: read } = await readCsv(bytes, readOptions({ missingTokens }));
  return {
    read: read.columns,
    expected: columns.map((cells, i) => inferColumn(`c${i}`, cells, { missingTokens })),
  };
}

describe('CSV', () => {
  test('any table of texts written by RFC 4180 is read back identically', async () => {
    await fc.assert(
      fc.asyncProperty(
        table,
        fc.boolean(),
        fc.constantFrom('\n', '\r\n', '\r'),
        fc.boolean(),
        async (rows, quoteAll, lineEnd, lastEnd) => {
          const width = rows[0]!.length;
          const header = Array.from({ length: width }, (_, i) => `c${i}`);
          const text = [header, ...rows]
            .map((row) => row.map((c) => written(c, quoteAll)).join(','))
            .join(lineEnd);
          expect(await textsOf(bytesOf(lastEnd ? text + lineEnd : text), header)).toEqual(rows);
        },
      ),
      { numRuns: 300 },
    );
  });

  test('reading numbers from bytes gives what the rule of inferColumn gives for the texts', async () => {
    const number = fc.oneof(
      fc.double().map(String),
      fc.integer().map(String),
      fc.float({ noNaN: true, noDefaultInfinity: true }).map((x) => x.toFixed(4)),
      fc.bigInt().map(String),
      fc.constantFrom(
        '1.',
        '.5',
        '-.5',
        '+3',
        '-0',
        '00012',
        '1e5',
        '1E-400',
        '1e400',
        ' 7 ',
        'NA',
        '',
        '.',
        '-',
        '0x1',
        '1_0',
        '9007199254740993',
        '0.1000000000000000055511151231257827',
        'abc',
        '"4"',
        '-999',
      ),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(number, { minLength: 1, maxLength: 10 }),
        fc.constantFrom<string[]>([], ['', 'NA'], ['-999', '']),
        async (cells, tokens) => {
          const { read, expected } = await bothWays([cells], tokens);
          expect(read).toEqual(expected);
        },
      ),
      { numRuns: 500 },
    );
  });

  test('a number of any form is the double that Number makes of its text, to the bit', () => {
    const digits = (max: number): fc.Arbitrary<string> =>
      fc.array(fc.constantFrom(...'0123456789'), { maxLength: max }).map((all) => all.join(''));
    const form = fc
      .tuple(
        fc.constantFrom('', '-', '+'),
        digits(22),
        fc.constantFrom('', '.'),
        digits(22),
        fc.oneof(
          fc.constant(''),
          fc
            .tuple(fc.constantFrom('e', 'E'), fc.constantFrom('', '-', '+'), digits(5))
            .map((all) => all.join('')),
          fc.integer({ min: -330, max: 330 }).map((exponent) => `e${exponent}`),
        ),
      )
      .map((parts) => parts.join(''));
    const shortest = fc.double({ noNaN: true }).map(String);
    fc.assert(
      fc.property(fc.oneof(form, shortest, fc.string({ maxLength: 6 })), fc.boolean(), (text, quoted) => {
        fc.pre(!text.includes('"'));
        const bytes = bytesOf(quoted ? `,"${text}",` : `,${text},`);
        const plain = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/.test(text) ? Number(text) : NaN;
        const expected = Number.isFinite(plain) ? plain : NaN;
        // Object.is within toBe: −0 is not 0.
        expect(decimalOf(bytes, 1, bytes.length - 1)).toBe(expected);
      }),
      { numRuns: 20_000 },
    );
  });

  test('columns that turn out to be of another kind after many rows are read as if that had been known', async () => {
    // Numbers, then a text; few texts, then too many; gaps, then anything: at any row, beyond several of the reader's blocks.
    const kinds: readonly ((row: number) => string)[] = [
      (row) => String(row / 8),
      (row) => `k${row % 5}`,
      (row) => `unlike any other ${row}`,
      () => '',
      (row) => (row % 2 === 0 ? 'true' : 'False'),
      () => 'é"y" '.repeat(20),
      (row) => `${row}.25e-3`,
    ];
    const column = fc
      .tuple(
        fc.constantFrom(...kinds),
        fc.constantFrom(...kinds),
        fc.oneof(fc.constantFrom(0, 63, 64, 255, 256), fc.nat({ max: 1100 })),
      )
      .map(
        ([first, then, from]) =>
          (row: number) =>
            row < from ? first(row) : then(row),
      );
    await fc.assert(
      fc.asyncProperty(
        fc.array(column, { minLength: 1, maxLength: 4 }),
        fc.oneof(fc.constantFrom(64, 256, 1024), fc.integer({ min: 1, max: 1100 })),
        fc.constantFrom('\n', '\r\n', '\r'),
        async (columns, rows, lineEnd) => {
          const cells = columns.map((of) => Array.from({ length: rows }, (_, row) => of(row)));
          const { read, expected } = await bothWays(
            [...cells, Array<string>(rows).fill('x')],
            ['', 'NA'],
            lineEnd,
          );
          expect(read).toEqual(expected);
        },
      ),
      { numRuns: 60 },
    );
  });

  test('a column of more distinct texts than are shared is read whole', async () => {
    const cells = Array.from({ length: 70_000 }, (_, row) => `t${row % 66_000}`);
    const { read, expected } = await bothWays([cells], ['']);
    expect(read).toEqual(expected);
  });

  test('columns of texts are read from bytes as the rule of inferColumn reads them', async () => {
    const cell = fc.constantFrom(
      '',
      'NA',
      ' NA ',
      'a',
      'b',
      '"b"',
      'say "hi"',
      'true',
      'False',
      'TRUE',
      'é',
      '7',
      'x'.repeat(70),
    );
    const types = fc.constantFrom<(ColumnType | undefined)[]>(undefined, 'categorical', 'boolean', 'text');
    await fc.assert(
      fc.asyncProperty(
        fc.array(cell, { minLength: 1, maxLength: 12 }),
        fc.constantFrom<string[]>([], ['', 'NA']),
        types,
        fc.boolean(),
        async (cells, missingTokens, type, quoted) => {
          const text = ['x,y', ...cells.map((c, i) => `${written(c, quoted || c.includes('"'))},${i}`)].join(
            '\n',
          );
          const expected = (): Column =>
            inferColumn('x', cells, { missingTokens, ...(type === undefined ? {} : { override: type }) });
          const actual = readCsv(bytesOf(text), {
            ...readOptions(),
            missingTokens,
            columnTypes: type === undefined ? {} : { x: type },
          });
          let column: Column;
          try {
            column = expected();
          } catch {
            await expect(actual).rejects.toMatchObject({ code: 'RK_DATASET_COLUMN_TYPE' });
            return;
          }
          expect((await actual).table.columns[0]).toEqual(column);
        },
      ),
      { numRuns: 300 },
    );
  });

  test('types are inferred, missing tokens are missing, and equal texts are one category', async () => {
    const text =
      '\ufeffname,n,flag,city\r\nx,1,true,"Bonn, Süd"\r\ny,NA,False,.\r\n\r\nx,2.5,,"Bonn, Süd"\r\n';
    const { table: read } = await readCsv(bytesOf(text), readOptions());
    expect(read.columns.map((c) => [c.name, c.type])).toEqual([
      ['name', 'categorical'],
      ['n', 'numeric'],
      ['flag', 'boolean'],
      ['city', 'categorical'],
    ]);
    expect(read.columns.map((c) => [0, 1, 2].map((row) => cellAt(c, row)))).toEqual([
      ['x', 'y', 'x'],
      [1, null, 2.5],
      [true, false, null],
      ['Bonn, Süd', null, 'Bonn, Süd'],
    ]);
  });

  test.each([
    ['semicolons', 'a;b\n1;2,5\n', false],
    ['tabs', 'a\tb\n1\t2,5\n', false],
    ['tabs where the file ends in .tsv', 'a,x\tb\n1\t2,5\n', true],
  ])('%s separate cells where the header has no comma', async (_, text, tabs) => {
    const { table: read } = await readCsv(bytesOf(text), { ...readOptions(), tabs });
    expect(read.columns).toHaveLength(2);
    expect(cellAt(read.columns[1]!, 0)).toBe('2,5');
  });

  test.each([
    ['no bytes', '', 'RK_DATASET_EMPTY', {}],
    ['blank lines only', '\n\r\n', 'RK_DATASET_EMPTY', {}],
    ['a header only', 'a,b\n', 'RK_DATASET_EMPTY', { columns: '2' }],
    [
      'a row with too few cells',
      'a,b\n1,2\n"x\ny",1\n3\n',
      'RK_DATASET_RAGGED',
      { line: '5', expected: '2', got: '1' },
    ],
    [
      'a row with too many cells',
      'a,b\r\n1,2\r\n1,2,3,4\r\n',
      'RK_DATASET_RAGGED',
      { line: '3', expected: '2', got: '4' },
    ],
    ['a NUL byte', 'a,b\n1,2\n1,\u00003\n', 'RK_DATASET_NUL_BYTE', { line: '3' }],
    ['a name twice', 'a,b,a\n1,2,3\n', 'RK_DATASET_DUPLICATE_COLUMN', { column: 'a', position: '3' }],
    ['a name that is empty', 'a,,c\n1,2,3\n', 'RK_DATASET_DUPLICATE_COLUMN', { position: '2' }],
    ['a name with a byte order mark', 'a,"\ufeffb"\n1,2\n', 'RK_DATASET_DUPLICATE_COLUMN', { position: '2' }],
    ['a quote that is never closed', 'a,b\n1,"2\n3,4\n', 'RK_DATASET_MALFORMED', { line: '2', column: '3' }],
    ['text behind a closing quote', 'a,b\n1,"2"x\n', 'RK_DATASET_MALFORMED', { line: '2', column: '6' }],
    ['too many columns', `${'a,'.repeat(2000)}b\n`, 'RK_DATASET_TOO_MANY_COLUMNS', { limit: '2000' }],
    ['a Parquet file', 'PAR1....', 'RK_DATASET_MALFORMED', { format: 'parquet' }],
  ])('%s is refused by name', async (_, text, code, details) => {
    await expect(readCsv(bytesOf(text), readOptions())).rejects.toMatchObject({ code, details });
  });

  test.each([
    ['Latin-1', Buffer.from('a,b\n1,caf\xe9\n', 'latin1'), { line: '2', offset: '9', byte: '0xe9' }],
    ['UTF-16', Buffer.from('\ufeffa,b', 'utf16le'), { encoding: 'UTF-16' }],
    ['a character cut short', Buffer.from([97, 10, 0xe2, 0x82]), { line: '2' }],
  ])('%s is refused as not UTF-8', async (_, bytes, details) => {
    await expect(readCsv(new Uint8Array(bytes), readOptions())).rejects.toMatchObject({
      code: 'RK_DATASET_ENCODING',
      details,
    });
  });

  test('a cell that does not fit its given type is named with row and line', async () => {
    const text = 'a,b\n"x\ny",1\nz,two\n';
    await expect(
      readCsv(bytesOf(text), readOptions({ columnTypes: { b: 'numeric' } })),
    ).rejects.toMatchObject({
      code: 'RK_DATASET_COLUMN_TYPE',
      details: { column: 'b', row: '2', line: '4', value: 'two' },
    });
  });

  test.each([
    ['a type for', { columnTypes: { c: 'text' } as const }, 'column_types'],
    ['ignore with', { ignore: new Set(['c']) }, 'ignore'],
  ])('%s a column that is not there lists the columns', async (_, changes, field) => {
    await expect(readCsv(bytesOf('a,b\n1,2\n'), readOptions(changes))).rejects.toMatchObject({
      code: 'RK_DATASET_COLUMN_UNKNOWN',
      details: { field, column: 'c', columns: 'a, b' },
    });
  });

  test('the header guard speaks up within the header, whatever the pieces, and never behind it', () => {
    const header = bytesOf(`"a,b",${'c,'.repeat(10)}d\n${'1,'.repeat(5000)}`);
    const within = createHeaderGuard(12);
    expect([...header].some((byte) => within(Uint8Array.of(byte)))).toBe(false);
    expect(createHeaderGuard(11)(header)).toBe(true);
  });
});
