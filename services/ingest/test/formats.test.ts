import { cellAt, createTable, inferColumn, tableToArrow } from '@rookery/tabular';
import type { Table } from '@rookery/tabular';
import {
  tableFromArrays,
  tableToIPC,
  vectorFromArray,
  Table as ArrowTable,
  TimestampMillisecond,
} from 'apache-arrow';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';

import { formatOfEnding, formatOfWord, sniffFormat } from '../src/domain/formats/dataset-format.js';
import { readArrow } from '../src/domain/formats/read-arrow.js';
import { readJsonLines } from '../src/domain/formats/read-json-lines.js';
import { readParquet } from '../src/domain/formats/read-parquet.js';
import { bytesOf, readOptions } from './fixtures.js';

const shape = (table: Table): unknown[] =>
  table.columns.map((c) => [c.name, c.type, Array.from({ length: table.rows }, (_, row) => cellAt(c, row))]);

/** Written by pyarrow 26; see fixtures/make_parquet.py. */
const parquet = (name: string): Uint8Array =>
  readFileSync(new URL(`./fixtures/${name}.parquet`, import.meta.url));

describe('formats', () => {
  test.each([
    ['file:///a/b.CSV', 'csv'],
    ['https://host/a.parquet?token=1.csv', 'parquet'],
    ['object://bucket/a.ndjson', 'jsonl'],
    ['a.feather', 'arrow'],
    ['artifact:00ff', undefined],
    ['file:///a.b/c', undefined],
  ])('%s is %s by its ending', (uri, format) => expect(formatOfEnding(uri)).toBe(format));

  test('content tells the format where nothing else does', () => {
    expect(sniffFormat(bytesOf('PAR1'))).toBe('parquet');
    expect(sniffFormat(bytesOf('ARROW1\0\0'))).toBe('arrow');
    expect(sniffFormat(tableToIPC(tableFromArrays({ a: [1] }), 'stream'))).toBe('arrow');
    expect(sniffFormat(bytesOf('\ufeff\n {"a":1}'))).toBe('jsonl');
    expect(sniffFormat(bytesOf('a,b\n'))).toBe('csv');
  });

  test('an unknown format is refused by name', () => {
    expect(() => formatOfWord('xlsx')).toThrow(expect.objectContaining({ code: 'RK_DATASET_FORMAT' }));
  });
});

describe('JSON Lines', () => {
  test('keys become columns; absent keys and null are missing; text goes by the rule of CSV', async () => {
    const text =
      '{"a":1,"b":"x","n":"4"}\n\n{"a":null,"c":true,"n":"NA"}\r\n{"b":"y","a":2.5,"c":false,"n":"5"}';
    const { table } = await readJsonLines(bytesOf(text), readOptions());
    expect(shape(table)).toEqual([
      ['a', 'numeric', [1, null, 2.5]],
      ['b', 'categorical', ['x', null, 'y']],
      ['n', 'numeric', [4, null, 5]],
      ['c', 'boolean', [null, true, false]],
    ]);
  });

  test.each([
    ['bad syntax', '{"a":1}\n{"a":\n', 'RK_DATASET_MALFORMED', { line: '2' }],
    ['a list', '[{"a":1}]', 'RK_DATASET_MALFORMED', { line: '1' }],
    ['a nested value', '{"a":1}\n{"a":{"b":1}}', 'RK_DATASET_MALFORMED', { line: '2', column: 'a' }],
    ['a number beyond doubles', '{"a":1e999}', 'RK_DATASET_MALFORMED', { line: '1', column: 'a' }],
    ['blank lines only', '\n \n', 'RK_DATASET_EMPTY', {}],
    ['an empty key', '{"":1}', 'RK_DATASET_DUPLICATE_COLUMN', { position: '1' }],
    ['a NUL byte', '{"a":1}\n\0', 'RK_DATASET_NUL_BYTE', { line: '2' }],
    [
      'too many keys',
      JSON.stringify(Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`k${i}`, 1]))),
      'RK_DATASET_TOO_MANY_COLUMNS',
      { limit: '8' },
    ],
  ])('%s is refused by name', async (_, text, code, details) => {
    await expect(readJsonLines(bytesOf(text), readOptions({ maxColumns: 8 }))).rejects.toMatchObject({
      code,
      details,
    });
  });

  test('a nested column that is ignored is left out', async () => {
    const read = await readJsonLines(bytesOf('{"a":1,"m":{"x":1}}'), readOptions({ ignore: new Set(['m']) }));
    expect([read.table.columns.map((c) => c.name), read.dropped]).toEqual([['a'], ['m']]);
  });

  test('a mixed column is text, and the line of a cell that does not fit is named', async () => {
    const text = '{"a":1}\n\n{"a":"x"}';
    const { table } = await readJsonLines(bytesOf(text), readOptions());
    expect(shape(table)).toEqual([['a', 'categorical', ['1', 'x']]]);
    await expect(
      readJsonLines(bytesOf(text), readOptions({ columnTypes: { a: 'numeric' } })),
    ).rejects.toMatchObject({
      code: 'RK_DATASET_COLUMN_TYPE',
      details: { column: 'a', row: '2', line: '3' },
    });
  });
});

describe('Arrow', () => {
  test('what a file declares counts: text stays text, integers and times are numbers', async () => {
    const arrow = new ArrowTable({
      zip: vectorFromArray(['01234', null, '99999']),
      n: vectorFromArray(Int32Array.of(1, 2, 3)),
      big: vectorFromArray(BigInt64Array.of(1n, 2n, 3n)),
      id: vectorFromArray(BigInt64Array.of(9007199254740993n, 1n, 2n)),
      ok: vectorFromArray([true, null, false]),
      at: vectorFromArray([0, 1000, 2000], new TimestampMillisecond()),
    });
    for (const kind of ['file', 'stream'] as const) {
      const { table } = await readArrow(tableToIPC(arrow, kind), readOptions());
      expect(shape(table)).toEqual([
        ['zip', 'categorical', ['01234', null, '99999']],
        ['n', 'numeric', [1, 2, 3]],
        ['big', 'numeric', [1, 2, 3]],
        ['id', 'categorical', ['9007199254740993', '1', '2']],
        ['ok', 'boolean', [true, null, false]],
        ['at', 'numeric', [0, 1000, 2000]],
      ]);
    }
  });

  test('a data set of Rookery itself keeps its types', async () => {
    const written = createTable([
      inferColumn('code', ['1', '2', null], { override: 'categorical' }),
      inferColumn('note', ['x', 'y', 'z'], { override: 'text' }),
      inferColumn('flag', ['true', 'NA', 'false']),
    ]);
    const { table } = await readArrow(tableToArrow(written), readOptions());
    expect(shape(table)).toEqual(shape(written));
  });

  test('damaged bytes and nested columns are refused by name', async () => {
    await expect(readArrow(bytesOf('ARROW1\0\0 nothing'), readOptions())).rejects.toMatchObject({
      code: 'RK_DATASET_MALFORMED',
    });
    const nested = tableToIPC(new ArrowTable({ a: vectorFromArray([[1], [2]]), b: vectorFromArray([1, 2]) }));
    await expect(readArrow(nested, readOptions())).rejects.toMatchObject({
      code: 'RK_DATASET_COLUMN_TYPE',
      details: { column: 'a' },
    });
    const read = await readArrow(nested, readOptions({ ignore: new Set(['a']) }));
    expect([read.table.columns.map((c) => c.name), read.dropped]).toEqual([['b'], ['a']]);
  });
});

describe('Parquet', () => {
  test.each(['snappy', 'zstd', 'gzip'])(
    'a file compressed with %s is read in all its row groups',
    async (codec) => {
      const { table } = await readParquet(parquet(`kinds-${codec}`), readOptions());
      expect(shape(table)).toEqual([
        ['zip', 'categorical', ['01234', null, '99999', '.x']],
        ['n', 'numeric', [1, 2, 3, 4]],
        ['x', 'numeric', [1.5, null, -2.25, 0]],
        ['ok', 'boolean', [true, null, false, true]],
        ['day', 'numeric', [0, 86_400_000, 172_800_000, null]],
      ]);
    },
  );

  test.each([
    ['no bytes', new Uint8Array(0), 'RK_DATASET_EMPTY'],
    ['another file', bytesOf('PAR1 but this is no table'), 'RK_DATASET_MALFORMED'],
    ['a file cut short', parquet('kinds-snappy').subarray(0, 200), 'RK_DATASET_MALFORMED'],
  ])('%s is refused', async (_, bytes, code) => {
    await expect(readParquet(bytes, readOptions())).rejects.toMatchObject({ code });
  });

  test('a nested column is refused unless it is ignored, and a file over the limit before it is unpacked', async () => {
    await expect(readParquet(parquet('nested'), readOptions())).rejects.toMatchObject({
      code: 'RK_DATASET_COLUMN_TYPE',
      details: { column: 'tags' },
    });
    const read = await readParquet(parquet('nested'), readOptions({ ignore: new Set(['tags']) }));
    expect([read.table.columns.map((c) => c.name), read.dropped]).toEqual([['n'], ['tags']]);
    await expect(readParquet(parquet('kinds-snappy'), readOptions({ maxBytes: 10 }))).rejects.toMatchObject({
      code: 'RK_DATASET_TOO_LARGE',
    });
    await expect(readParquet(parquet('kinds-snappy'), readOptions({ maxColumns: 2 }))).rejects.toMatchObject({
      code: 'RK_DATASET_TOO_MANY_COLUMNS',
    });
  });
});
