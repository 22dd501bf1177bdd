import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  TabularError,
  cellAt,
  columnByName,
  columnFromValues,
  compileRowTransformer,
  createTable,
  fitPipeline,
  fitTransformer,
  inputColumns,
  readPreprocessing,
  selectColumns,
  servedPipeline,
  tableToMatrix,
  transformRows,
  transformStep,
  transformTrainingRows,
} from '../src/index.js';
import type { FittedPipeline, RowIndices, Table } from '../src/index.js';
import { anyTable } from './arbitraries.js';

const scaler = fc.constantFrom(
  'none',
  'standard',
  'min_max',
  'robust',
  'quantile',
  'quantile_normal',
  'yeo_johnson',
  { kind: 'min_max_scaler', clip: true, featureRange: [-1, 2] },
  { kind: 'robust_scaler', unitVariance: true, quantileRange: [10, 90] },
  { kind: 'standard_scaler', withMean: false },
);
const encoder = fc.constantFrom(
  'one_hot',
  'ordinal',
  'target',
  'codes',
  { kind: 'one_hot_encoder', handleUnknown: 'infrequent_if_exist', minFrequency: 2 },
  { kind: 'one_hot_encoder', handleUnknown: 'ignore', drop: 'first', maxCategories: 3 },
  { kind: 'ordinal_encoder', handleUnknown: 'use_encoded_value', unknownValue: -1, encodedMissingValue: -2 },
);
const numeric = fc.record(
  {
    imputer: fc.constantFrom('mean', 'median', 'most_frequent', {
      kind: 'simple_imputer',
      strategy: 'constant',
      fillValue: 3,
    }),
    addIndicator: fc.boolean(),
    scaler,
  },
  { requiredKeys: [] },
);
const categorical = fc.record(
  {
    imputer: fc.constantFrom('most_frequent', 'constant', 'none'),
    addIndicator: fc.boolean(),
    encoder,
    scaler,
  },
  { requiredKeys: ['encoder'] },
);
const preprocessing = fc.record(
  {
    numeric: fc.oneof(numeric, fc.record({ encoder, imputer: fc.constantFrom('none', 'mean') })),
    categorical,
    boolean: fc.oneof(
      categorical,
      fc.record({ encoder: fc.constant('none'), imputer: fc.constantFrom('mean', 'most_frequent') }),
    ),
  },
  { requiredKeys: ['numeric', 'categorical'] },
);
const usable = anyTable
  .map((table) =>
    selectColumns(
      table,
      table.columns.flatMap((c) => (c.type === 'text' ? [] : [c.name])),
    ),
  )
  .filter(({ rows, columns }) => rows > 1 && columns.length > 0);

/** The pipeline, or undefined where the columns can't be fitted with it (which is refused with a TabularError). */
function tryFit(table: Table, rows: RowIndices, value: unknown): FittedPipeline | undefined {
  try {
    return fitPipeline(table, rows, readPreprocessing(value)!, {
      features: table.columns.map((column) => column.name),
      target: { type: 'continuous', values: Array.from(rows, (row) => row % 3) },
    });
  } catch (error) {
    expect(error).toBeInstanceOf(TabularError);
    return undefined;
  }
}

const cell = (table: Table, row: number) => (name: string) => cellAt(columnByName(table, name), row);

/** What `of` gives, or the code of the TabularError that it throws. */
function outcome<T>(of: () => T): T | string {
  try {
    return of();
  } catch (error) {
    expect(error).toBeInstanceOf(TabularError);
    return (error as TabularError).code;
  }
}

/** The columns a table at a time, step by step: what scikit-learn's golden values hold. */
function stepByStep(fitted: FittedPipeline, table: Table): Float32Array {
  const parts = fitted.branches.map(({ columns, steps }) =>
    steps.reduce((part, step) => transformStep(step, part), selectColumns(table, columns)),
  );
  const { data } = tableToMatrix({ rows: table.rows, columns: parts.flatMap((part) => part.columns) });
  return Float32Array.from(data);
}

describe('pipelines', () => {
  it('compute the same floats a row at a time, for a table, and step by step', () => {
    let compared = 0;
    fc.assert(
      fc.property(usable, preprocessing, fc.nat(), (table, spec, split) => {
        const fitted = tryFit(table, [...Array((split % table.rows) + 1).keys()], spec);
        if (fitted === undefined) return;
        const whole = outcome(() => transformRows(fitted, table).data);
        const byStep = outcome(() => stepByStep(fitted, table));
        const row = compileRowTransformer(JSON.parse(JSON.stringify(fitted)) as FittedPipeline);
        const single = outcome(() => {
          const out = new Float32Array(table.rows * row.width).fill(7);
          for (let i = 0; i < table.rows; i++) row(cell(table, i), out, i * row.width);
          return out;
        });
        expect(single).toEqual(whole);
        // What leaves a cell without a number is refused; the steps alone give NaN there.
        if (typeof whole !== 'string') {
          expect(whole).toEqual(byStep);
          compared++;
        } else if (typeof byStep !== 'string') expect(byStep.some((x) => !Number.isFinite(x))).toBe(true);
      }),
      { numRuns: 400 },
    );
    expect(compared).toBeGreaterThan(200);
  });

  it('name their outputs as the steps do', () => {
    fc.assert(
      fc.property(usable, preprocessing, (table, spec) => {
        const fitted = tryFit(table, [...Array(table.rows).keys()], spec);
        if (fitted === undefined) return;
        const names = fitted.branches.flatMap(({ columns, steps }) =>
          steps
            .reduce((part, step) => transformStep(step, part), selectColumns(table, columns))
            .columns.map(({ name }) => name),
        );
        expect(fitted.featureNames).toEqual(names);
        expect(fitted.width).toBe(names.length);
      }),
    );
  });

  it('are what JSON keeps of them', () => {
    fc.assert(
      fc.property(usable, preprocessing, (table, spec) => {
        const fitted = tryFit(table, [...Array(table.rows).keys()], spec);
        expect(fitted === undefined ? fitted : JSON.parse(JSON.stringify(fitted))).toEqual(fitted);
      }),
    );
  });

  it('see nothing of the rows that they are not fitted on', () => {
    fc.assert(
      fc.property(usable, preprocessing, (table, spec) => {
        const half = [...Array(Math.ceil(table.rows / 2)).keys()];
        const other = createTable(
          table.columns.map((column) =>
            column.type === 'numeric'
              ? { ...column, values: column.values.map((value, row) => (row < half.length ? value : 1e5)) }
              : { ...column, codes: column.codes.map((code, row) => (row < half.length ? code : -1)) },
          ),
        );
        expect(tryFit(other, half, spec)).toEqual(tryFit(table, half, spec));
      }),
    );
  });

  const birds = createTable([
    columnFromValues('mass', 'numeric', [3000, 4000, null, 5000]),
    columnFromValues('sex', 'categorical', ['MALE', 'FEMALE', null, 'MALE']),
    columnFromValues('tagged', 'boolean', [true, false, true, null]),
    columnFromValues('note', 'text', ['a', 'b', 'c', 'd']),
  ]);
  const all = [0, 1, 2, 3];
  const options = {
    features: ['mass', 'sex', 'tagged'],
    target: { type: 'continuous', values: [1, 2, 3, 4] },
  } as const;
  const fit = (value: unknown): FittedPipeline => fitPipeline(birds, all, readPreprocessing(value)!, options);

  it('give with recipes of nothing what no preprocessing at all gives', () => {
    const plain = fitTransformer(birds, all, { features: ['mass', 'sex', 'tagged'] });
    const fitted = fit({ numeric: {} });
    expect(fitted.featureNames).toEqual(plain.featureNames);
    expect(transformRows(fitted, birds)).toEqual(transformRows(plain, birds));
    expect(inputColumns(fitted)).toEqual(['mass', 'sex', 'tagged']);
  });

  it('take columns by name before those by type, and leave dropped ones out of their inputs', () => {
    const fitted = fit({
      numeric: { imputer: 'median', addIndicator: true, scaler: 'min_max' },
      columns: { sex: { encoder: 'codes' }, tagged: 'drop' },
    });
    expect(fitted.featureNames).toEqual(['mass', 'missingindicator_mass', 'sex']);
    expect(inputColumns(fitted)).toEqual(['mass', 'sex']);
    expect([...transformRows(fitted, birds).data]).toEqual([0, 0, 3, 0.5, 0, 2, 0.5, 1, 0, 1, 0, 3]);
    expect(fitted.codes).toEqual([{ output: 2, column: 'sex', size: 4 }]);
    const out = new Float32Array(3);
    compileRowTransformer(fitted)((name) => (name === 'sex' ? 'other' : 4000), out, 0);
    expect(out[2]).toBe(1);
  });

  it('take a ColumnTransformer in full, with its prefixed names', () => {
    const fitted = fit({
      transformers: [
        { name: 'num', columns: { types: ['numeric'] }, steps: [{ kind: 'simple_imputer' }] },
        { name: 'cat', columns: ['sex'], steps: [{ kind: 'one_hot_encoder', handleUnknown: 'error' }] },
      ],
    });
    expect(fitted.featureNames).toEqual(['num__mass', 'cat__sex_FEMALE', 'cat__sex_MALE', 'cat__sex_nan']);
  });

  it('refuse an unknown category and a missing cell by column and value, where the steps say so', () => {
    const strict = compileRowTransformer(fit({ categorical: { handleUnknown: 'error' } }));
    const out = new Float32Array(strict.width);
    const row = (sex: string) => (name: string) => (name === 'sex' ? sex : name === 'mass' ? 1 : true);
    expect(() => {
      strict(row('MALE'), out, 0);
    }).not.toThrow();
    const thrown = (() => {
      try {
        strict(row('robot'), out, 0);
      } catch (error) {
        return error;
      }
      return undefined;
    })();
    expect(thrown).toMatchObject({
      code: 'RK_TABULAR_CELL_INVALID',
      details: { column: 'sex', value: 'robot' },
    });
    const open = fit({ numeric: { imputer: 'none' } });
    expect(() => transformRows(open, birds)).toThrow(/Row 2: Column "mass" has no value/);
  });

  it('encode training rows by the target of other rows only', () => {
    const rows = 40;
    const place = columnFromValues(
      'place',
      'categorical',
      Array.from({ length: rows }, (_, i) => `p${i % 4}`),
    );
    const table = createTable([place]);
    const target = Array.from({ length: rows }, (_, i) => (i * 7) % 11);
    const of = (values: readonly number[]): FittedPipeline =>
      fitPipeline(
        table,
        [...Array(rows).keys()],
        readPreprocessing({ categorical: { encoder: 'target' } })!,
        {
          features: ['place'],
          target: { type: 'continuous', values },
          seed: 3,
        },
      );
    const fitted = of(target);
    const changed = of(target.map((value, i) => (i === 5 ? 1e6 : value)));
    const before = transformTrainingRows(fitted, table).data;
    const after = transformTrainingRows(changed, table).data;
    expect(after[5]).toBe(before[5]);
    expect(after[9]).not.toBe(before[9]);
    // What serves was fitted on all rows and needs nothing else.
    const served = servedPipeline(fitted);
    expect(Object.keys(served)).not.toContain('crossFit');
    expect(transformRows(served, table)).toEqual(transformRows(fitted, table));
    expect(transformRows(served, table).data[5]).not.toBe(before[5]);
  });

  it.each([
    [{ numbers: {} }, 'preprocessing.numbers'],
    [{ numeric: { scaler: 'huge' } }, 'preprocessing.numeric.scaler'],
    [
      { numeric: { scaler: { kind: 'robust_scaler', quantiles: 3 } } },
      'preprocessing.numeric.scaler.quantiles',
    ],
    [{ categorical: { minFrequency: -1 } }, 'preprocessing.categorical.minFrequency'],
    [{ columns: { sex: [{ kind: 'bin' }] } }, 'preprocessing.columns.sex[0].kind'],
    [{ columns: { wings: 'drop' } }, 'preprocessing.columns.wings'],
    [{ columns: { note: { encoder: 'codes' } } }, 'preprocessing.columns.note'],
    [{ columns: { sex: { imputer: 'mean' } } }, 'preprocessing.columns.sex'],
    [{ columns: { sex: { encoder: 'none' } } }, 'preprocessing.columns.sex'],
    [{ columns: { sex: 'passthrough' } }, 'preprocessing.columns.sex'],
    [{ numeric: 'drop', categorical: 'drop' }, 'preprocessing'],
    [{ transformers: [{ name: 'a__b', columns: [], steps: 'drop' }] }, 'preprocessing.transformers[0].name'],
    [
      { transformers: [{ name: 'a', columns: { pattern: '(' }, steps: 'drop' }] },
      'preprocessing.transformers[0].columns.pattern',
    ],
    [
      { transformers: [{ name: 'a', columns: ['wings'], steps: 'drop' }] },
      'preprocessing.transformers[0].columns[0]',
    ],
    [{ numeric: {}, remainder: 'drop' }, 'preprocessing.numeric'],
  ])('refuse %j by the name of its field', (value, field) => {
    let thrown: unknown;
    try {
      fit(value);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toMatchObject({ code: 'RK_PREPROCESSING_INVALID', details: { field } });
  });

  it('never throw anything else for a specification of any shape', () => {
    fc.assert(
      fc.property(
        fc.jsonValue(),
        fc.constantFrom('numeric', 'columns', 'transformers', 'remainder'),
        (json, key) => {
          outcome(() => readPreprocessing(json));
          outcome(() => readPreprocessing({ [key]: json }));
        },
      ),
    );
  });
});
