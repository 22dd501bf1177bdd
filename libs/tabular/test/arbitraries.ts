import fc from 'fast-check';
import { createTable } from '../src/index.js';
import type { Column, Table } from '../src/index.js';

const numberCell = fc.oneof(
  { weight: 5, arbitrary: fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e6, max: 1e6 }) },
  { weight: 2, arbitrary: fc.integer({ min: -3, max: 3 }) },
  { weight: 1, arbitrary: fc.constant(NaN) },
);

function column(name: string, rows: number): fc.Arbitrary<Column> {
  const numeric = fc
    .array(numberCell, { minLength: rows, maxLength: rows })
    .map((cells): Column => ({ name, type: 'numeric', values: Float64Array.from(cells) }));
  const codes = (size: number): fc.Arbitrary<Int32Array> =>
    fc
      .array(fc.integer({ min: -1, max: size - 1 }), { minLength: rows, maxLength: rows })
      .map((c) => Int32Array.from(c));
  const coded = fc
    .record({
      type: fc.constantFrom('categorical' as const, 'text' as const),
      categories: fc.uniqueArray(fc.string({ unit: 'grapheme', maxLength: 5 }), {
        minLength: 1,
        maxLength: 5,
      }),
    })
    .chain(({ type, categories }) =>
      codes(categories.length).map((c): Column => ({ name, type, codes: c, categories })),
    );
  const flag = codes(2).map((c): Column => ({
    name,
    type: 'boolean',
    codes: c,
    categories: ['false', 'true'],
  }));
  return fc.oneof(numeric, coded, flag);
}

/** Tables of 0–20 rows and 1–5 columns of all types, with missing cells. */
export const anyTable: fc.Arbitrary<Table> = fc
  .record({ rows: fc.integer({ min: 0, max: 20 }), width: fc.integer({ min: 1, max: 5 }) })
  .chain(({ rows, width }) => fc.tuple(...Array.from({ length: width }, (_, i) => column(`c${i}`, rows))))
  .map((columns) => createTable(columns));
