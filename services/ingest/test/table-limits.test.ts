import { describe, expect, test } from 'vitest';

import { readCsv } from '../src/domain/csv/read-csv.js';
import { readArrow } from '../src/domain/formats/read-arrow.js';
import { readJsonLines } from '../src/domain/formats/read-json-lines.js';
import { createTable, inferColumn, tableToArrow } from '@rookery/tabular';
import { bytesOf, readOptions } from './fixtures.js';

const arrow = (rows: number): Uint8Array =>
  tableToArrow(
    createTable([
      inferColumn(
        'a',
        Array.from({ length: rows }, (_, i) => `text ${i}`),
      ),
    ]),
  );
const long = 'x'.repeat(100);

describe('a table is read up to its limits, and refused beyond them with the variable that would allow it:', () => {
  test.each([
    ['ROOKERY_MAX_ROWS', { maxRows: 3 }, 'a,b\n1,2\n3,4\n5,6\n', 'a,b\n1,2\n3,4\n5,6\n7,8\n'],
    ['ROOKERY_MAX_CELLS', { maxCells: 6 }, 'a,b\n1,2\n3,4\n5,6\n', 'a,b\n1,2\n3,4\n5,6\n7,8\n'],
    ['ROOKERY_MAX_ROW_BYTES', { maxRowBytes: 9 }, 'a,b\n12345,789\n', 'a,b\n12345,7890\n'],
    ['ROOKERY_MAX_CELL_BYTES', { maxCellBytes: 5 }, 'a,b\n12345,1\n', 'a,b\n1,2\n3,123456\n'],
  ])('%s of CSV', async (variable, limits, good, bad) => {
    expect((await readCsv(bytesOf(good), readOptions(limits))).table.columns).toHaveLength(2);
    await expect(readCsv(bytesOf(bad), readOptions(limits))).rejects.toMatchObject({
      code: 'RK_DATASET_TOO_LARGE',
      details: { variable },
      hint: expect.stringContaining(variable) as string,
    });
  });

  test.each([
    ['ROOKERY_MAX_ROWS', { maxRows: 2 }, '{"a":1}\n{"a":2}', '{"a":1}\n{"a":2}\n{"a":3}'],
    // Each line names one column: the others are missing in it, and take their place all the same.
    ['ROOKERY_MAX_CELLS', { maxCells: 4 }, '{"a":1}\n{"b":2}', '{"a":1}\n{"b":2}\n{"c":3}'],
    ['ROOKERY_MAX_ROW_BYTES', { maxRowBytes: 20 }, '{"a":"12345678"}', `{"a":"${long}"}`],
    ['ROOKERY_MAX_CELL_BYTES', { maxCellBytes: 9 }, '{"a":"123456789"}', `{"a":"${long}"}`],
  ])('%s of JSON Lines', async (variable, limits, good, bad) => {
    expect((await readJsonLines(bytesOf(good), readOptions(limits))).table.rows).toBeGreaterThan(0);
    await expect(readJsonLines(bytesOf(bad), readOptions(limits))).rejects.toMatchObject({
      code: 'RK_DATASET_TOO_LARGE',
      details: { variable },
    });
  });

  test.each([
    ['ROOKERY_MAX_ROWS', { maxRows: 9 }],
    ['ROOKERY_MAX_CELLS', { maxCells: 9 }],
    ['ROOKERY_MAX_CELL_BYTES', { maxCellBytes: 5 }],
  ])('%s of Arrow', async (variable, limits) => {
    expect((await readArrow(arrow(10), readOptions())).table.rows).toBe(10);
    await expect(readArrow(arrow(10), readOptions(limits))).rejects.toMatchObject({
      code: 'RK_DATASET_TOO_LARGE',
      details: { variable },
    });
  });
});

test('JSON may be nested in a column that is ignored, but not without end; brackets within texts do not count', async () => {
  const nested = (depth: number): string => `{"a":1,"n":${'['.repeat(depth)}${']'.repeat(depth)}}`;
  const options = readOptions({ ignore: new Set(['n']) });
  expect((await readJsonLines(bytesOf(nested(60)), options)).dropped).toEqual(['n']);
  await expect(readJsonLines(bytesOf(nested(65)), options)).rejects.toMatchObject({
    code: 'RK_DATASET_MALFORMED',
    details: { line: '1' },
  });
  await expect(readJsonLines(bytesOf(nested(1_000_000)), options)).rejects.toMatchObject({
    code: 'RK_DATASET_MALFORMED',
  });
  const texts = bytesOf(`{"a":"${'['.repeat(200)}","b":"\\"${'{'.repeat(200)}"}`);
  expect((await readJsonLines(texts, readOptions())).table.rows).toBe(1);
});
