import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  TabularError,
  cellAt,
  columnByName,
  columnFromValues,
  compileRowTransformer,
  createTable,
  decodeNumber,
  encodeLabels,
  encodeTarget,
  fitTarget,
  fitTransformer,
  inputColumns,
  selectRows,
  transformRows,
} from '../src/index.js';
import type { FittedStandardTransformer, Table } from '../src/index.js';
import { anyTable } from './arbitraries.js';

const fittable = anyTable.filter(
  ({ rows, columns }) => rows > 0 && columns.some((column) => column.type !== 'text'),
);
const specs = fc.record({
  numericImputer: fc.constantFrom('mean' as const, 'median' as const),
  scaler: fc.constantFrom('standard' as const, 'none' as const),
});

function fitted(table: Table, spec: object, rows = [...Array(table.rows).keys()]): FittedStandardTransformer {
  const features = table.columns.filter((column) => column.type !== 'text').map((column) => column.name);
  return fitTransformer(table, rows, { features, ...spec });
}

/** The same cells with the categories in reverse order and one more that no row has. */
function recoded(table: Table): Table {
  return createTable(
    table.columns.map((column) => {
      if (column.type === 'numeric') return column;
      const categories = [...column.categories].reverse();
      if (column.type !== 'boolean') categories.unshift('\u0000never');
      const codes = column.codes.map((code) =>
        code < 0 ? -1 : categories.indexOf(column.categories[code]!),
      );
      return { ...column, codes, categories };
    }),
  );
}

describe('transformers', () => {
  it('compute the same floats a row at a time as for a table', () => {
    fc.assert(
      fc.property(fittable, specs, fc.nat(), (table, spec, split) => {
        const transformer = fitted(table, spec, [...Array((split % table.rows) + 1).keys()]);
        const expected = transformRows(transformer, table);
        const compiled = compileRowTransformer(
          JSON.parse(JSON.stringify(transformer)) as FittedStandardTransformer,
        );
        // Left-over numbers must be overwritten.
        const actual = new Float32Array(expected.data.length).fill(7);
        for (let row = 0; row < table.rows; row++) {
          compiled((name) => cellAt(columnByName(table, name), row), actual, row * compiled.width);
        }
        expect(actual).toEqual(expected.data);
      }),
    );
  });

  it('hold no negative zero, which JSON would lose and another float come of', () => {
    const table = createTable([columnFromValues('mass', 'numeric', [-0, -0, null])]);
    for (const numericImputer of ['mean', 'median']) {
      for (const scaler of ['standard', 'none']) {
        const transformer = fitted(table, { numericImputer, scaler });
        expect(JSON.parse(JSON.stringify(transformer))).toEqual(transformer);
        expect(transformRows(transformer, table).data[2]).toBe(0);
      }
    }
  });

  it('do not depend on the order or number of categories of a table', () => {
    fc.assert(
      fc.property(fittable, specs, (table, spec) => {
        const transformer = fitted(table, spec);
        expect(fitted(recoded(table), spec)).toEqual(transformer);
        expect(transformRows(transformer, recoded(table))).toEqual(transformRows(transformer, table));
      }),
    );
  });

  it('see nothing of the rows that they are not fitted on', () => {
    fc.assert(
      fc.property(fittable, specs, (table, spec) => {
        const half = [...Array(Math.ceil(table.rows / 2)).keys()];
        expect(fitted(table, spec, half)).toEqual(fitted(selectRows(table, half), spec));
      }),
    );
  });

  it('give every row of a fitted categorical column exactly one 1', () => {
    fc.assert(
      fc.property(fittable, (table) => {
        const transformer = fitted(table, {});
        const { data, width } = transformRows(transformer, table);
        for (let row = 0; row < table.rows; row++) {
          const ones = data.slice(row * width + transformer.numeric.length, (row + 1) * width);
          const encoded = transformer.categorical.filter((c) => c.categories.length > 0).length;
          expect(ones.reduce((sum, x) => sum + x, 0)).toBe(encoded);
        }
      }),
    );
  });

  it('put numeric columns first and name their outputs', () => {
    const table = createTable([
      columnFromValues('sex', 'categorical', ['MALE', 'FEMALE', null]),
      columnFromValues('mass', 'numeric', [3000, 4000, null]),
      columnFromValues('tagged', 'boolean', [true, false, true]),
    ]);
    const transformer = fitTransformer(table, [0, 1, 2], { features: ['sex', 'mass', 'tagged'] });
    expect(transformer.featureNames).toEqual([
      'mass',
      'sex_FEMALE',
      'sex_MALE',
      'tagged_false',
      'tagged_true',
    ]);
    expect(inputColumns(transformer)).toEqual(['mass', 'sex', 'tagged']);
  });

  it('read decimal text as its number and other text as missing, in single rows', () => {
    const table = createTable([columnFromValues('mass', 'numeric', [1, 3])]);
    const compiled = compileRowTransformer(fitTransformer(table, [0, 1], { features: ['mass'] }));
    const out = new Float32Array(4);
    ['3', 'heavy', null, Infinity].forEach((cell, i) => compiled(() => cell, out, i));
    expect([...out]).toEqual([1, 0, 0, 0]);
  });

  it('refuse text, unknown columns and columns of another type, by name', () => {
    const table = createTable([
      columnFromValues('note', 'text', ['x', 'y']),
      columnFromValues('mass', 'numeric', [1, 3]),
    ]);
    expect(() => fitTransformer(table, [0], { features: ['note'] })).toThrow(/"note" is free text/);
    expect(() => fitTransformer(table, [0], { features: ['nope'] })).toThrow(/"nope".*note, mass/);
    expect(() => fitTransformer(table, [], { features: ['mass'] })).toThrow(TabularError);
    const transformer = fitTransformer(table, [0, 1], { features: ['mass'] });
    const other = createTable([columnFromValues('mass', 'categorical', ['1', '3'])]);
    expect(() => transformRows(transformer, other)).toThrow(/"mass" is categorical/);
    expect(() => transformRows(transformer, table, [2])).toThrow(/Row 2/);
  });
});

describe('target encoder', () => {
  it('numbers the labels in sorted order, numbers by size', () => {
    const species = columnFromValues('species', 'categorical', [
      'Gentoo',
      'Adelie',
      null,
      'Chinstrap',
      'Adelie',
    ]);
    const encoder = fitTarget(species, [0, 1, 2, 3, 4], 'multiclass');
    expect(encoder.labels).toEqual(['Adelie', 'Chinstrap', 'Gentoo']);
    expect(encodeTarget(encoder, species)).toEqual(Int32Array.of(2, 0, -1, 1, 0));
    const stars = columnFromValues('stars', 'numeric', [10, 9, 2]);
    expect(fitTarget(stars, [0, 1, 2], 'multiclass').labels).toEqual(['2', '9', '10']);
    expect(encodeLabels(fitTarget(stars, [0, 1, 2], 'multiclass'), stars)).toEqual(Int32Array.of(2, 1, 0));
  });

  it('takes given labels, so that a fold without a class keeps the codes', () => {
    const species = columnFromValues('species', 'categorical', ['b', 'c', 'a']);
    const encoder = fitTarget(species, [0, 1], 'multiclass', { labels: ['a', 'b', 'c'] });
    expect(encodeTarget(encoder, species, [0, 1])).toEqual(Int32Array.of(1, 2));
  });

  it('scales regression targets and gives their unit back', () => {
    const mass = columnFromValues('mass', 'numeric', [2, 4, null, 6]);
    const encoder = fitTarget(mass, [0, 1, 2, 3], 'regression', { standardise: true });
    const encoded = encodeTarget(encoder, mass);
    expect(encoded).toBeInstanceOf(Float32Array);
    expect(encoded[1]).toBe(0);
    expect(encoded[2]).toBeNaN();
    expect(decodeNumber(encoder, encoded[3]!)).toBeCloseTo(6, 6);
  });

  it('refuses a target that does not suit the task', () => {
    const constant = columnFromValues('species', 'categorical', ['a', 'a']);
    expect(() => fitTarget(constant, [0, 1], 'binary')).toThrow(/1 classes/);
    expect(() => fitTarget(constant, [0, 1], 'regression')).toThrow(/numeric target/);
    const empty = columnFromValues('mass', 'numeric', [null, 3]);
    expect(() => fitTarget(empty, [0], 'regression')).toThrow(/no value/);
  });
});
