import { describe, expect, it } from 'vitest';
import {
  boxCox,
  boxCoxLambda,
  fitColumnTransformer,
  fitLabelEncoder,
  fitStep,
  fitTransformTargetEncoder,
  inverseLabelEncoder,
  inverseStep,
  TabularError,
  transformColumnTransformer,
  transformLabelEncoder,
  transformStep,
  yeoJohnson,
  yeoJohnsonLambda,
} from '../src/index.js';
import type {
  ColumnTransformerSpec,
  EncodingTarget,
  FittedColumnTransformer,
  FittedStep,
  StepSpec,
  Table,
} from '../src/index.js';
import { goldenCases, goldenTable, relativeError } from './golden.js';
import type { GoldenColumn } from './golden.js';

type Cell = number | string | null;
const TOLERANCE = 1e-12;

/** What a fitted transformer is after being stored. */
function stored<T>(fitted: T): T {
  const copy = JSON.parse(JSON.stringify(fitted)) as T;
  expect(copy).toEqual(fitted);
  return copy;
}

function cellsOf(table: Table): Cell[][] {
  return table.columns.map((column) =>
    column.type === 'numeric'
      ? Array.from(column.values, (value) => (Number.isNaN(value) ? null : value))
      : Array.from(column.codes, (code) => column.categories[code] ?? null),
  );
}

/** Equal cells: numbers within the tolerance of their column's size (at least 1), everything else exactly. */
function expectCells(actual: readonly Cell[][], expected: readonly Cell[][], tolerance = TOLERANCE): void {
  expect(actual.length).toBe(expected.length);
  expected.forEach((cells, j) => {
    expect(actual[j]!.length).toBe(cells.length);
    cells.forEach((cell, i) => {
      const value = actual[j]![i]!;
      if (typeof cell !== 'number') {
        expect(value, `column ${j}, row ${i}`).toBe(cell);
        return;
      }
      expect(typeof value, `column ${j}, row ${i}`).toBe('number');
      expect(
        relativeError(value as number, cell, 1),
        `column ${j}, row ${i}: ${value} for ${cell}`,
      ).toBeLessThanOrEqual(tolerance);
    });
  });
}

interface StepCase {
  title: string;
  spec: StepSpec;
  train: Record<string, GoldenColumn>;
  test: Record<string, GoldenColumn>;
  names: string[];
  output: Cell[][];
  inverse?: Cell[][];
  error?: 'fit' | 'transform';
}

/** SciPy's λ is exact to about 1e-8 of its own search; what follows from it is no nearer. */
function toleranceOf({ spec, title }: StepCase): number {
  if (spec.kind === 'power_transformer') return 2e-6;
  // The mean of 1e9 ± 1 has 1e-16 · 1e9 at best.
  return title.includes('huge') ? 1e-6 : TOLERANCE;
}

describe('transformers equal scikit-learn', () => {
  it.each(goldenCases<StepCase>('sklearn/steps.json'))('$title', (golden) => {
    const train = goldenTable(golden.train);
    const test = goldenTable(golden.test);
    if (golden.error === 'fit') {
      expect(() => fitStep(golden.spec, train)).toThrow(TabularError);
      return;
    }
    const fitted: FittedStep = stored(fitStep(golden.spec, train));
    if (golden.error === 'transform') {
      expect(() => transformStep(fitted, test)).toThrow(TabularError);
      return;
    }
    const output = transformStep(fitted, test);
    expect(output.columns.map((column) => column.name)).toEqual(golden.names);
    expectCells(cellsOf(output), golden.output, toleranceOf(golden));
    if (golden.inverse === undefined) return;
    expectCells(cellsOf(inverseStep(fitted, output)), golden.inverse, toleranceOf(golden));
  });
});

interface LambdaCase {
  title: string;
  method: 'box-cox' | 'yeo-johnson';
  values: number[];
  lambda: number;
  /** With 60 digits; null for a constant. */
  exact: number | null;
  transforms: { lambda: number; output: number[] }[];
}

describe('powers equal SciPy, and λ is the exact maximum', () => {
  it.each(goldenCases<LambdaCase>('sklearn/power-lambdas.json'))('$title', (golden) => {
    const { method, values } = golden;
    const power = method === 'box-cox' ? boxCox : yeoJohnson;
    for (const { lambda, output } of golden.transforms) {
      output.forEach((expected, i) => {
        const error = relativeError(power(values[i]!, lambda), expected);
        expect(error, `${values[i]} by ${lambda}`).toBeLessThanOrEqual(TOLERANCE);
      });
    }
    if (golden.exact === null) return;
    const lambda = method === 'box-cox' ? boxCoxLambda(values) : yeoJohnsonLambda(values);
    // A column from 1000 to 1010 has its logarithms to 1e-14 only.
    expect(relativeError(lambda, golden.exact, 1)).toBeLessThanOrEqual(1e-11);
    expect(relativeError(lambda, golden.lambda, 1)).toBeLessThanOrEqual(2e-6);
  });
});

interface TargetCase {
  title: string;
  smooth: 'auto' | number;
  target: EncodingTarget;
  train: Record<string, GoldenColumn>;
  test: Record<string, GoldenColumn>;
  folds: number[];
  names: string[];
  crossed: Cell[][];
  output: Cell[][];
}

describe('target encoders equal scikit-learn', () => {
  it.each(goldenCases<TargetCase>('sklearn/target-encoders.json'))('$title', (golden) => {
    const train = goldenTable(golden.train);
    const rows = golden.folds.map((_, i) => i);
    const folds = [...new Set(golden.folds)].sort().map((k) => ({
      train: rows.filter((i) => golden.folds[i] !== k),
      test: rows.filter((i) => golden.folds[i] === k),
    }));
    const spec = { kind: 'target_encoder', smooth: golden.smooth } as const;
    const { fitted, output } = fitTransformTargetEncoder(train, golden.target, folds, spec);
    expect(output.columns.map((column) => column.name)).toEqual(golden.names);
    expectCells(cellsOf(output), golden.crossed);
    const transformed = transformStep(stored(fitted), goldenTable(golden.test));
    expect(transformed.columns.map((column) => column.name)).toEqual(golden.names);
    expectCells(cellsOf(transformed), golden.output);
  });
});

interface ColumnTransformerCase {
  title: string;
  spec: ColumnTransformerSpec;
  train: Record<string, GoldenColumn>;
  test: Record<string, GoldenColumn>;
  names: string[];
  output: Cell[][];
  error?: 'fit';
}

describe('column transformers equal scikit-learn', () => {
  it.each(goldenCases<ColumnTransformerCase>('sklearn/column-transformers.json'))('$title', (golden) => {
    const train = goldenTable(golden.train);
    if (golden.error !== undefined)
      return expect(() => fitColumnTransformer(train, golden.spec)).toThrow(TabularError);
    const fitted: FittedColumnTransformer = stored(fitColumnTransformer(train, golden.spec));
    expect(fitted.featureNamesOut).toEqual(golden.names);
    const output = transformColumnTransformer(fitted, goldenTable(golden.test));
    expect(output.columns.map((column) => column.name)).toEqual(golden.names);
    expectCells(cellsOf(output), golden.output);
  });
});

interface LabelCase {
  title: string;
  labels: (string | number)[];
  classes: (string | number)[];
  codes: number[];
}

describe('label encoders equal scikit-learn', () => {
  it.each(goldenCases<LabelCase>('sklearn/labels.json'))('$title', ({ labels, classes, codes }) => {
    const fitted = stored(fitLabelEncoder(labels));
    expect(fitted.classes).toEqual(classes);
    expect([...transformLabelEncoder(fitted, labels)]).toEqual(codes);
    expect(inverseLabelEncoder(fitted, codes)).toEqual(labels);
    expect(() => transformLabelEncoder(fitted, ['not there'])).toThrow(TabularError);
    expect(() => inverseLabelEncoder(fitted, [classes.length])).toThrow(TabularError);
  });
});
