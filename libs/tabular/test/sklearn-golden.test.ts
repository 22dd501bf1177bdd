import { describe, expect, it } from 'vitest';
import {
  columnFromValues,
  evaluateClassification,
  evaluateRegression,
  fitTransformer,
  kFold,
  profileColumn,
  stratifiedKFold,
  transformRows,
} from '../src/index.js';
import type { NumericProfile } from '../src/index.js';
import { goldenCases, goldenJson, goldenTable, relativeError } from './golden.js';
import type { GoldenColumn } from './golden.js';

const TOLERANCE = 1e-12;

interface TransformerCase {
  title: string;
  table: 'penguins' | Record<string, GoldenColumn>;
  features: string[];
  numericImputer: 'mean' | 'median';
  scaler: 'standard' | 'none';
  train: number[];
  test: number[];
  fitted: {
    numeric: { column: string; fill: number; mean: number; scale: number }[];
    categorical: { column: string; fill: string; categories: string[] }[];
  };
  width: number;
  output: number[];
}

describe('transformers equal scikit-learn', () => {
  const penguins = goldenTable(goldenJson('sklearn/penguins.json') as Record<string, GoldenColumn>);
  it.each(goldenCases<TransformerCase>('sklearn/transformers.json'))('$title', (golden) => {
    const table = golden.table === 'penguins' ? penguins : goldenTable(golden.table);
    const { features, numericImputer, scaler } = golden;
    const fitted = fitTransformer(table, golden.train, { features, numericImputer, scaler });
    expect(fitted.numeric.map((n) => n.column)).toEqual(golden.fitted.numeric.map((n) => n.column));
    golden.fitted.numeric.forEach((expected, i) => {
      for (const key of ['fill', 'mean', 'scale'] as const) {
        expect(
          relativeError(fitted.numeric[i]![key], expected[key]),
          `${expected.column} ${key}`,
        ).toBeLessThanOrEqual(TOLERANCE);
      }
    });
    expect(fitted.categorical.map(({ column, fill, categories }) => ({ column, fill, categories }))).toEqual(
      golden.fitted.categorical,
    );
    const matrix = transformRows(fitted, table, golden.test);
    expect(matrix.width).toBe(golden.width);
    expect(matrix.data.length).toBe(golden.output.length);
    golden.output.forEach((expected, i) => {
      const actual = matrix.data[i]!;
      if (actual === Math.fround(expected)) return;
      // One unit in the last place of float32, and what 1e-12 of the mean makes after scaling.
      const numeric = fitted.numeric[i % golden.width];
      const condition = numeric === undefined ? 0 : Math.abs(numeric.mean / numeric.scale);
      expect(Math.abs(actual - expected)).toBeLessThanOrEqual(
        2 ** -23 * Math.abs(expected) + 1e-12 * condition,
      );
    });
  });
});

interface ClassificationCase {
  title: string;
  labels: number;
  truth: number[];
  probabilities: number[];
  metrics: Record<string, number>;
  perClass: [number, number, number, number][];
  confusion: number[][];
}

describe('classification metrics equal scikit-learn', () => {
  it.each(goldenCases<ClassificationCase>('sklearn/classification.json'))('$title', (golden) => {
    const labels = Array.from({ length: golden.labels }, (_, i) => `class ${i}`);
    const { metrics, confusion, perClass } = evaluateClassification({ ...golden, labels });
    for (const [name, expected] of Object.entries(golden.metrics)) {
      expect(relativeError(metrics[name]!, expected, 1e-3), name).toBeLessThanOrEqual(TOLERANCE);
    }
    expect(confusion.counts).toEqual(golden.confusion);
    perClass.forEach((actual, i) => {
      const [precision, recall, f1, support] = golden.perClass[i]!;
      expect(actual.precision).toBeCloseTo(precision, 12);
      expect(actual.recall).toBeCloseTo(recall, 12);
      expect(actual.f1).toBeCloseTo(f1, 12);
      expect(actual.support).toBe(support);
    });
  });

  it.each(goldenCases<ClassificationCase>('sklearn/classification.json').filter((c) => c.labels === 2))(
    'from the probability of the second label alone: $title',
    (golden) => {
      const labels = ['no', 'yes'];
      const probabilities = golden.probabilities.filter((_, i) => i % 2 === 1);
      const { metrics } = evaluateClassification({ labels, truth: golden.truth, probabilities });
      for (const [name, expected] of Object.entries(golden.metrics)) {
        expect(relativeError(metrics[name]!, expected, 1e-3), name).toBeLessThanOrEqual(TOLERANCE);
      }
    },
  );
});

interface RegressionCase {
  title: string;
  truth: number[];
  predictions: number[];
  metrics: Record<string, number>;
}

describe('regression metrics equal scikit-learn', () => {
  it.each(goldenCases<RegressionCase>('sklearn/regression.json'))('$title', (golden) => {
    const { metrics } = evaluateRegression(golden);
    expect(Object.keys(metrics).sort()).toEqual(Object.keys(golden.metrics).sort());
    for (const [name, expected] of Object.entries(golden.metrics)) {
      expect(relativeError(metrics[name]!, expected, 1e-3), name).toBeLessThanOrEqual(TOLERANCE);
    }
  });
});

interface FoldCase {
  title: string;
  kind: 'stratified' | 'plain';
  codes: number[];
  n: number;
  k: number;
  tests: number[][];
  counts: number[][];
}

describe('folds equal scikit-learn', () => {
  it.each(goldenCases<FoldCase>('sklearn/folds.json'))('$title', ({ kind, codes, n, k, tests, counts }) => {
    const plain = kind === 'plain';
    const folds = plain ? kFold(n, k, { shuffle: false }) : stratifiedKFold(codes, k, { shuffle: false });
    expect(folds.map((fold) => [...fold.test])).toEqual(tests);
    const shuffled = plain ? kFold(n, k, { seed: 5 }) : stratifiedKFold(codes, k, { seed: 5 });
    expect(shuffled.map((fold) => fold.test.length)).toEqual(tests.map((test) => test.length));
    if (plain) return;
    const perClass = shuffled.map(({ test }) =>
      counts[0]!.map((_, c) => test.filter((row) => codes[row] === c).length),
    );
    expect(perClass).toEqual(counts);
  });
});

interface ProfileCase {
  title: string;
  values: number[];
  mean: number;
  populationStd: number;
  sampleStd: number | null;
  distinct: number;
  quantiles: number[];
  histogram: { counts: number[]; edges: number[] } | null;
}

describe('column profiles equal NumPy', () => {
  it.each(goldenCases<ProfileCase>('sklearn/profiles.json'))('$title', (golden) => {
    const profile = profileColumn(
      columnFromValues('x', 'numeric', [null, ...golden.values]),
    ) as NumericProfile;
    expect(profile).toMatchObject({ count: golden.values.length, missing: 1, distinct: golden.distinct });
    expect(relativeError(profile.mean!, golden.mean)).toBeLessThanOrEqual(TOLERANCE);
    expect(relativeError(profile.populationStd!, golden.populationStd)).toBeLessThanOrEqual(TOLERANCE);
    if (golden.sampleStd === null) expect(profile.sampleStd).toBeNull();
    else expect(relativeError(profile.sampleStd!, golden.sampleStd)).toBeLessThanOrEqual(TOLERANCE);
    Object.values(profile.quantiles!).forEach((quantile, i) => {
      expect(relativeError(quantile, golden.quantiles[i]!)).toBeLessThanOrEqual(TOLERANCE);
    });
    if (golden.histogram === null) return;
    expect(profile.histogram.counts).toEqual(golden.histogram.counts);
    profile.histogram.edges.forEach((edge, i) => {
      expect(relativeError(edge, golden.histogram!.edges[i]!, 1e-3)).toBeLessThanOrEqual(TOLERANCE);
    });
  });
});
