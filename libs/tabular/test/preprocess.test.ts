import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  boxCoxLambda,
  columnFromValues,
  createTable,
  fitColumnTransformer,
  fitOneHotEncoder,
  fitQuantileTransformer,
  fitSimpleImputer,
  fitStandardScaler,
  fitStep,
  fitTargetEncoder,
  fitTransformColumnTransformer,
  fitTransformer,
  fitTransformTargetEncoder,
  inverseBoxCox,
  inverseOneHotEncoder,
  inverseSimpleImputer,
  inverseStep,
  inverseYeoJohnson,
  kFold,
  normalCdf,
  normalQuantile,
  numericCells,
  selectRows,
  TabularError,
  tableToMatrix,
  transformColumnTransformer,
  transformOneHotEncoder,
  transformQuantileTransformer,
  transformSimpleImputer,
  transformStep,
  yeoJohnson,
  yeoJohnsonLambda,
} from '../src/index.js';
import type { StepSpec, Table } from '../src/index.js';

const numeric = (values: (number | null)[], name = 'x'): Table =>
  createTable([columnFromValues(name, 'numeric', values)]);
const words = (values: (string | null)[], name = 's'): Table =>
  createTable([columnFromValues(name, 'categorical', values)]);
const valuesOf = (table: Table, column = 0): number[] => [...numericCells(table.columns[column]!)];
const cellsOf = (table: Table): (string | number | null)[][] =>
  table.columns.map((column) =>
    column.type === 'numeric'
      ? Array.from(column.values, (v) => (Number.isNaN(v) ? null : v))
      : Array.from(column.codes, (c) => column.categories[c] ?? null),
  );
const codeOf = (action: () => unknown): string | undefined => {
  try {
    action();
  } catch (error) {
    return error instanceof TabularError ? error.code : String(error);
  }
  return undefined;
};

/** Numbers of a size that does not drown in another's rounding. */
const number = fc.integer({ min: -5000, max: 5000 }).map((value) => value / 16);
const numbers = fc.array(fc.option(number, { freq: 8 }), { minLength: 2, maxLength: 30 });
const category = fc.constantFrom('a', 'b', 'ab', 'é', '', 'nan');
const categories = fc.array(fc.option(category, { freq: 6 }), { minLength: 1, maxLength: 30 });

const scalers: StepSpec[] = [
  { kind: 'standard_scaler' },
  { kind: 'standard_scaler', withMean: false },
  { kind: 'min_max_scaler', featureRange: [-3, 7] },
  { kind: 'robust_scaler' },
  { kind: 'robust_scaler', unitVariance: true, quantileRange: [5, 90] },
  { kind: 'power_transformer' },
  { kind: 'power_transformer', standardize: false },
];

describe('numbers beyond the squares of float64', () => {
  const large = numeric([1e200, -1e200, 3]);
  it('are refused by a standard scaler, in the default pipeline too, and not taken for a constant', () => {
    expect(codeOf(() => fitStandardScaler(large))).toBe('RK_TABULAR_ARGUMENT_INVALID');
    expect(() => fitTransformer(large, [0, 1, 2], { features: ['x'] })).toThrow(/"x".*robust_scaler/);
    expect(codeOf(() => fitStandardScaler(numeric([1.7e308, 1.7e308])))).toBe('RK_TABULAR_ARGUMENT_INVALID');
  });

  it('are scaled where no deviation is asked for', () => {
    const spec = { kind: 'standard_scaler', withStd: false } as const;
    const fitted = fitStandardScaler(large, spec);
    expect(valuesOf(transformStep(fitted, large))[0]).toBe(1e200 - fitted.mean[0]!);
    expect(fitStandardScaler(numeric([null, null])).scale).toEqual([null]);
  });
});

describe('inverses', () => {
  it.each(scalers.map((spec) => [JSON.stringify(spec), spec] as const))(
    '%s: inverse(transform(x)) = x',
    (_, spec) => {
      fc.assert(
        fc.property(numbers, (values) => {
          fc.pre(values.some((value) => value !== null));
          const table = numeric(values);
          const fitted = fitStep(spec, table);
          // A power that makes a column saturate has lost the value already.
          const lambda = fitted.kind === 'power_transformer' ? fitted.lambdas[0]! : 1;
          fc.pre(Math.abs(lambda - 1) < 2);
          const back = valuesOf(inverseStep(fitted, transformStep(fitted, table)));
          values.forEach((value, i) => {
            if (value === null) expect(back[i]).toBeNaN();
            else expect(Math.abs(back[i]! - value)).toBeLessThanOrEqual(1e-7 * Math.max(1, Math.abs(value)));
          });
        }),
      );
    },
  );

  it('quantile transformers give back every fitted value of a column without ties', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(number, { minLength: 3, maxLength: 40 }),
        fc.constantFrom('uniform' as const, 'normal' as const),
        (values, outputDistribution) => {
          const table = numeric(values);
          const fitted = fitQuantileTransformer(table, { kind: 'quantile_transformer', outputDistribution });
          const back = valuesOf(inverseStep(fitted, transformQuantileTransformer(fitted, table)));
          values.forEach((value, i) => expect(back[i]).toBeCloseTo(value, 6));
        },
      ),
    );
  });

  it('powers are undone for any λ', () => {
    fc.assert(
      fc.property(
        fc.double({ min: -5, max: 5, noNaN: true }),
        fc.double({ min: -2, max: 4, noNaN: true }),
        (x, lambda) => {
          expect(inverseYeoJohnson(yeoJohnson(x, lambda), lambda)).toBeCloseTo(x, 8);
          const positive = Math.exp(x / 2);
          expect(inverseBoxCox((positive ** 2 - 1) / 2, 2)).toBeCloseTo(positive, 8);
        },
      ),
    );
    expect(inverseYeoJohnson(yeoJohnson(0.3, 0), 0)).toBeCloseTo(0.3, 14);
    expect(inverseYeoJohnson(yeoJohnson(-0.3, 2), 2)).toBeCloseTo(-0.3, 14);
    expect(inverseBoxCox(Math.log(3), 0)).toBeCloseTo(3, 14);
  });

  it('one-hot and ordinal encoders give the categories back, missing ones too', () => {
    fc.assert(
      fc.property(
        categories,
        fc.constantFrom(null, 'first' as const, 'if_binary' as const),
        (cells, drop) => {
          const table = words(cells);
          // The text nan and a missing cell have one output name, as in scikit-learn.
          fc.pre(!(cells.includes('nan') && cells.includes(null)));
          const hot = fitOneHotEncoder(table, { kind: 'one_hot_encoder', drop });
          expect(cellsOf(inverseOneHotEncoder(hot, transformOneHotEncoder(hot, table)))).toEqual([cells]);
          const ordinal = fitStep({ kind: 'ordinal_encoder' }, table);
          expect(cellsOf(inverseStep(ordinal, transformStep(ordinal, table)))).toEqual([cells]);
        },
      ),
    );
  });

  it('an imputer with indicators gives the missing cells back', () => {
    fc.assert(
      fc.property(numbers, categories, (values, cells) => {
        const strategy = 'most_frequent' as const;
        for (const table of [numeric(values), words(cells)]) {
          const fitted = fitSimpleImputer(table, { kind: 'simple_imputer', strategy, addIndicator: true });
          const filled = transformSimpleImputer(fitted, table);
          if (fitted.statistics[0] !== null) expect(cellsOf(filled)[0]).not.toContain(null);
          expect(cellsOf(inverseSimpleImputer(fitted, filled))).toEqual(cellsOf(table));
        }
      }),
    );
    expect(codeOf(() => inverseSimpleImputer(fitSimpleImputer(numeric([1])), numeric([1])))).toBe(
      'RK_TABULAR_ARGUMENT_INVALID',
    );
  });
});

describe('order of rows', () => {
  const specs: StepSpec[] = [
    ...scalers.filter((spec) => spec.kind !== 'power_transformer'),
    { kind: 'quantile_transformer', nQuantiles: 7 },
    { kind: 'simple_imputer', strategy: 'median' },
  ];
  it.each(specs.map((spec) => [JSON.stringify(spec), spec] as const))(
    '%s does not depend on it',
    (_, spec) => {
      fc.assert(
        fc.property(numbers, fc.integer(), (values, seed) => {
          const table = numeric(values);
          const order = kFold(values.length, values.length, { seed })
            .flatMap(({ test }) => [...test])
            .reverse();
          const shuffled = transformStep(fitStep(spec, selectRows(table, order)), table);
          const plain = transformStep(fitStep(spec, table), table);
          expect(plain.columns.map((c) => c.name)).toEqual(shuffled.columns.map((c) => c.name));
          plain.columns.forEach((column, j) => {
            const other = valuesOf(shuffled, j);
            numericCells(column).forEach((value, i) => {
              if (Number.isNaN(value)) expect(other[i]).toBeNaN();
              else
                expect(Math.abs(other[i]! - value)).toBeLessThanOrEqual(1e-9 * Math.max(1, Math.abs(value)));
            });
          });
        }),
      );
    },
  );

  it('categories and their counts do not depend on it', () => {
    fc.assert(
      fc.property(categories, (cells) => {
        const spec = { kind: 'one_hot_encoder', minFrequency: 2, maxCategories: 3 } as const;
        expect(fitOneHotEncoder(words([...cells].reverse()), spec)).toEqual(
          fitOneHotEncoder(words(cells), spec),
        );
      }),
    );
  });
});

describe('scalers', () => {
  it('a weight is a repetition', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(number, fc.integer({ min: 0, max: 4 })), { minLength: 1, maxLength: 20 }),
        (rows) => {
          fc.pre(rows.some(([, weight]) => weight > 0));
          const repeated = rows.flatMap(([value, weight]) => Array<number>(weight).fill(value));
          const weighted = fitStandardScaler(
            numeric(rows.map(([value]) => value)),
            undefined,
            rows.map(([, weight]) => weight),
          );
          const plain = fitStandardScaler(numeric(repeated));
          expect(weighted.count).toEqual(plain.count);
          expect(weighted.mean[0]).toBeCloseTo(plain.mean[0]!, 10);
          expect(weighted.scale[0]).toBeCloseTo(plain.scale[0]!, 8);
        },
      ),
    );
  });

  it('refuse infinite numbers, strings, no rows and weights of another length, naming the column', () => {
    const infinite: Table = {
      rows: 2,
      columns: [{ name: 'x', type: 'numeric', values: Float64Array.of(1, Infinity) }],
    };
    expect(() => fitStandardScaler(infinite)).toThrow(/Column "x", row 1/);
    expect(codeOf(() => fitStandardScaler(words(['a'])))).toBe('RK_TABULAR_COLUMN_TYPE');
    expect(codeOf(() => fitStandardScaler(numeric([])))).toBe('RK_TABULAR_ARGUMENT_INVALID');
    expect(codeOf(() => fitStandardScaler(numeric([1]), undefined, [1, 2]))).toBe(
      'RK_TABULAR_ARGUMENT_INVALID',
    );
    expect(
      codeOf(() => transformStep(fitStep({ kind: 'robust_scaler' }, numeric([1])), numeric([1], 'y'))),
    ).toBe('RK_TABULAR_COLUMN_MISSING');
  });

  it('take booleans as 0 and 1', () => {
    const flags = createTable([columnFromValues('f', 'boolean', [true, false, null, true])]);
    expect(fitStandardScaler(flags).mean).toEqual([2 / 3]);
  });
});

describe('powers', () => {
  it('λ does not depend on the unit of positive numbers, and undoes a known power', () => {
    const normal = Array.from({ length: 99 }, (_, i) => 20 + normalQuantile((i + 0.5) / 99));
    const lambda = boxCoxLambda(normal);
    expect(boxCoxLambda(normal.map((x) => x * 1e-200))).toBeCloseTo(lambda, 7);
    expect(boxCoxLambda(normal.map((x) => x * 1e200))).toBeCloseTo(lambda, 7);
    expect(boxCoxLambda(normal.map((x) => Math.exp(x / 10)))).toBeCloseTo(0, 1);
    expect(boxCoxLambda(normal.map((x) => x ** 4))).toBeCloseTo(lambda / 4, 7);
  });

  it('λ of mirrored numbers is mirrored about 1, and stays finite for extreme ones', () => {
    fc.assert(
      fc.property(fc.uniqueArray(number, { minLength: 5, maxLength: 30 }), (values) => {
        const lambda = yeoJohnsonLambda(values);
        expect(yeoJohnsonLambda(values.map((value) => -value))).toBeCloseTo(2 - lambda, 6);
      }),
    );
    const extreme = yeoJohnsonLambda([1e300, -1e300, 5, 1, 0]);
    expect(Number.isFinite(extreme)).toBe(true);
    expect(Number.isFinite(yeoJohnson(1e300, extreme))).toBe(true);
  });
});

describe('target encoders', () => {
  it('cross-fitting never shows a row its own target', () => {
    const cells = ['a', 'a', 'b', 'b', 'a', 'b'];
    const folds = kFold(6, 3, { shuffle: false });
    const encode = (values: number[]): number[] =>
      valuesOf(fitTransformTargetEncoder(words(cells), { type: 'continuous', values }, folds).output);
    const before = encode([1, 2, 3, 4, 5, 6]);
    const after = encode([100, 2, 3, 4, 5, 6]);
    expect(after[0]).toBe(before[0]);
    expect(after[1]).toBe(before[1]);
    expect(after[4]).not.toBe(before[4]);
  });

  it('a category that is not among the given ones gets the mean of its fold’s training rows', () => {
    const target = { type: 'continuous', values: [1, 2, 30, 4] } as const;
    const spec = { kind: 'target_encoder', categories: [['a']], smooth: 0 } as const;
    const folds = kFold(4, 2, { shuffle: false });
    const { fitted, output } = fitTransformTargetEncoder(words(['a', 'b', 'b', 'a']), target, folds, spec);
    expect(valuesOf(output)).toEqual([4, 17, 1.5, 1]);
    expect(valuesOf(transformStep(fitted, words(['a', 'b'])))).toEqual([2.5, 9.25]);
  });

  it('refuse folds that miss a row, targets that do not fit, and a missing target', () => {
    const table = words(['a', 'b', 'a']);
    const target = { type: 'continuous', values: [1, 2, 3] } as const;
    expect(codeOf(() => fitTransformTargetEncoder(table, target, [{ train: [0], test: [1, 2] }]))).toBe(
      'RK_TABULAR_FOLDS_INVALID',
    );
    const twice = [
      { train: [0], test: [1, 2] },
      { train: [1], test: [0, 2] },
    ];
    expect(codeOf(() => fitTransformTargetEncoder(table, target, twice))).toBe('RK_TABULAR_FOLDS_INVALID');
    expect(codeOf(() => fitTargetEncoder(table, { type: 'continuous', values: [1, NaN, 2] }))).toBe(
      'RK_TABULAR_TARGET_INVALID',
    );
    expect(codeOf(() => fitTargetEncoder(table, { type: 'binary', values: ['x', 'y', 'z'] }))).toBe(
      'RK_TABULAR_TARGET_INVALID',
    );
    expect(codeOf(() => fitTargetEncoder(table, { type: 'multiclass', values: ['x', 'y', 'y'] }))).toBe(
      'RK_TABULAR_TARGET_INVALID',
    );
    expect(codeOf(() => fitStep({ kind: 'target_encoder' }, table))).toBe('RK_TABULAR_TARGET_INVALID');
  });
});

describe('column transformers', () => {
  const table = createTable([
    columnFromValues('a', 'numeric', [1, 2, null, 4]),
    columnFromValues('s', 'categorical', ['x', 'y', 'x', null]),
    columnFromValues('f', 'boolean', [true, false, true, true]),
  ]);
  const spec = {
    transformers: [
      {
        name: 'num',
        columns: { types: ['numeric'] },
        steps: [{ kind: 'simple_imputer' }, { kind: 'standard_scaler' }],
      },
      { name: 'cat', columns: ['s'], steps: [{ kind: 'target_encoder', smooth: 0 }] },
    ],
    remainder: 'passthrough',
  } as const;

  it('find columns by name: order and others do not matter, and missing ones are named', () => {
    const context = { target: { type: 'continuous', values: [1, 2, 3, 4] } } as const;
    const fitted = fitColumnTransformer(table, spec, context);
    const turned = createTable([
      columnFromValues('new', 'numeric', [9, 9, 9, 9]),
      ...[...table.columns].reverse(),
    ]);
    expect(cellsOf(transformColumnTransformer(fitted, turned))).toEqual(
      cellsOf(transformColumnTransformer(fitted, table)),
    );
    expect(fitted.featureNamesOut).toEqual(['num__a', 'cat__s', 'remainder__f']);
    expect(() => transformColumnTransformer(fitted, numeric([1], 'a'))).toThrow(/"s"/);
    const matrix = tableToMatrix(transformColumnTransformer(fitted, table));
    expect([matrix.rows, matrix.width, matrix.data.length]).toEqual([4, 3, 12]);
    expect(matrix.data[2]).toBe(1);
  });

  it('cross-fit their target encoders on the rows fitted on, where folds are given', () => {
    const context = {
      target: { type: 'continuous', values: [1, 2, 3, 4] },
      folds: kFold(4, 2, { shuffle: false }),
    } as const;
    const { fitted, output } = fitTransformColumnTransformer(table, spec, context);
    expect(valuesOf(output, 1)[0]).toBe(3);
    expect(valuesOf(transformColumnTransformer(fitted, table), 1)[0]).toBe(2);
  });

  it('refuse transformers of one name and outputs of one name without prefixes', () => {
    const twice = { name: 'n', columns: ['a'], steps: 'passthrough' } as const;
    expect(codeOf(() => fitColumnTransformer(table, { transformers: [twice, twice] }))).toBe(
      'RK_TABULAR_ARGUMENT_INVALID',
    );
    expect(codeOf(() => fitColumnTransformer(table, { transformers: [{ ...twice, name: 'a__b' }] }))).toBe(
      'RK_TABULAR_ARGUMENT_INVALID',
    );
    const doubled = {
      transformers: [twice, { ...twice, name: 'm' }],
      verboseFeatureNamesOut: false,
    } as const;
    expect(() => fitColumnTransformer(table, doubled)).toThrow(/Two outputs are named "a"/);
    expect(codeOf(() => fitColumnTransformer(table, { transformers: [{ ...twice, columns: ['q'] }] }))).toBe(
      'RK_TABULAR_COLUMN_MISSING',
    );
  });
});

describe('the normal distribution', () => {
  it('quantiles and probabilities are each other’s inverse, in the tails too', () => {
    for (const p of [1e-300, 1e-20, 1e-7, 0.001, 0.02425, 0.3, 0.5]) {
      expect(Math.abs(normalCdf(normalQuantile(p)) / p - 1)).toBeLessThan(1e-11);
      if (p > 1e-10) expect(normalQuantile(1 - p)).toBeCloseTo(-normalQuantile(p), 7);
    }
    expect(normalQuantile(0.975)).toBeCloseTo(1.959963984540054, 14);
    expect([normalQuantile(0), normalQuantile(1), normalQuantile(1.1), normalCdf(NaN)]).toEqual([
      -Infinity,
      Infinity,
      NaN,
      NaN,
    ]);
  });
});
