import {
  fitStep,
  fitTargetEncoder,
  fitLabelEncoder,
  transformLabelEncoder,
  transformStep,
  transformTargetEncoder,
} from '@rookery/tabular';
import type { Column, EncodingTarget, FittedStep, Random, StepSpec, Table } from '@rookery/tabular';

import { apart, compareExactly, compareRefusals, outcomeOf, TOLERANCE } from './check.js';
import type { Check, Verdict } from './check.js';
import {
  chance,
  mildNumbers,
  numbers,
  numericColumn,
  pick,
  rowCount,
  textColumn,
  vocabulary,
} from './draw.js';
import type { Answer } from './oracle.js';
import { sizesOf } from './rounding.js';
import { rules } from './rules.js';

type Cell = string | number | null;

/** What the oracle says of a transformer: cells column by column, NaN as null. */
export interface Transformed {
  readonly output: readonly (readonly Cell[])[];
  readonly names?: readonly string[];
  readonly lambdas?: readonly number[];
}

/** A table for the oracle. */
export function askable(table: Table): object {
  const type = table.columns.some((column) => column.type !== 'numeric') ? 'categorical' : 'numeric';
  return { type, rows: table.rows, columns: table.columns.map(cellsOf) };
}

/** The cells of a column; null is missing. */
export function cellsOf(column: Column): Cell[] {
  if (column.type === 'numeric')
    return Array.from(column.values, (value) => (Number.isNaN(value) ? null : value));
  return Array.from(column.codes, (code) => (code < 0 ? null : column.categories[code]!));
}

/** Tables to fit on and to transform: of numbers or of texts, the second with cells that the first lacks. */
function tables(random: Random, text: boolean): { train: Table; test: Table } {
  const rows = rowCount(random);
  const testRows = rowCount(random);
  const width = 1 + random.integer(3);
  const columns = Array.from({ length: width }, (_, j): [Column, Column] => {
    const name = pick(random, ['a', 'b c', 'ü', ''] as const) + String(j);
    if (!text) {
      const train = numericColumn(random, name, rows);
      const test = numericColumn(random, name, testRows);
      // Most cells to transform are among those fitted on: their ends, ties and middles.
      test.values.forEach((_, i) => {
        if (chance(random, 0.7)) test.values[i] = train.values[random.integer(rows)]!;
      });
      return [train, test];
    }
    const words = vocabulary(random);
    const more = chance(random, 0.3) ? [...words, 'never seen', 'z'] : words;
    return [textColumn(random, name, rows, words), textColumn(random, name, testRows, more)];
  });
  return {
    train: { rows, columns: columns.map(([train]) => train) },
    test: { rows: testRows, columns: columns.map(([, test]) => test) },
  };
}

const maybe = <T>(random: Random, name: string, values: readonly T[]): Record<string, T> =>
  chance(random, 0.5) ? { [name]: pick(random, values) } : {};

/** A step with options drawn at random, and whether it is given texts. */
function anyStep(random: Random): { spec: StepSpec; text: boolean } {
  const rare = {
    ...maybe(random, 'minFrequency', [1, 2, 3, 0.1, 0.34, 0.5]),
    ...maybe(random, 'maxCategories', [1, 2, 3, 5]),
  };
  const step = pick<() => { spec: object; text: boolean }>(random, [
    () => {
      const text = chance(random, 0.4);
      const strategy = pick(
        random,
        text ? ['most_frequent', 'constant'] : ['mean', 'median', 'most_frequent', 'constant'],
      );
      const fill =
        strategy === 'constant'
          ? maybe<string | number>(random, 'fillValue', text ? ['', 'a', '?'] : [0, -1.5, 1e300])
          : {};
      const options = {
        ...maybe(random, 'addIndicator', [true]),
        ...maybe(random, 'keepEmptyFeatures', [true]),
      };
      return { spec: { kind: 'simple_imputer', strategy, ...fill, ...options }, text };
    },
    () => ({
      spec: {
        kind: 'standard_scaler',
        ...maybe(random, 'withMean', [false]),
        ...maybe(random, 'withStd', [false]),
      },
      text: false,
    }),
    () => ({
      spec: {
        kind: 'min_max_scaler',
        ...maybe(random, 'featureRange', [
          [-1, 1],
          [0, 1e-3],
          [5, 6],
          [1, 0],
        ]),
        ...maybe(random, 'clip', [true]),
      },
      text: false,
    }),
    () => ({
      spec: {
        kind: 'robust_scaler',
        ...maybe(random, 'withCentering', [false]),
        ...maybe(random, 'withScaling', [false]),
        ...maybe(random, 'quantileRange', [
          [10, 90],
          [0, 100],
          [33.3, 70.1],
          [1, 2],
        ]),
        ...maybe(random, 'unitVariance', [true]),
      },
      text: false,
    }),
    () => ({
      spec: {
        kind: 'quantile_transformer',
        ...maybe(random, 'nQuantiles', [1, 2, 3, 10, 77, 1000]),
        ...maybe(random, 'outputDistribution', ['normal']),
      },
      text: false,
    }),
    () => ({
      spec: { kind: 'power_transformer', standardize: false, ...maybe(random, 'method', ['box-cox']) },
      text: false,
    }),
    () => ({
      spec: {
        kind: 'one_hot_encoder',
        ...maybe(random, 'drop', ['first', 'if_binary']),
        ...maybe(random, 'handleUnknown', ['ignore', 'infrequent_if_exist', 'error']),
        ...rare,
      },
      text: chance(random, 0.8),
    }),
    () => ({
      spec: {
        kind: 'ordinal_encoder',
        ...(chance(random, 0.6)
          ? { handleUnknown: 'use_encoded_value', unknownValue: pick(random, [-1, null, 0, 2, 1000]) }
          : {}),
        ...maybe(random, 'encodedMissingValue', [-2, 0, 3, null]),
        ...rare,
      },
      text: chance(random, 0.8),
    }),
  ])();
  return step as { spec: StepSpec; text: boolean };
}

/** A transformer, fitted on one table and applied to another. */
export function transformerCheck(random: Random): Check {
  const { spec, text } = anyStep(random);
  const { train, test } = tables(random, text);
  if (spec.kind === 'power_transformer') {
    for (const column of [...train.columns, ...test.columns]) {
      if (column.type !== 'numeric') continue;
      const mild = mildNumbers(random, column.values.length);
      const positive = spec.method === 'box-cox' && chance(random, 0.8);
      column.values.forEach((value, i) => {
        if (!Number.isNaN(value)) column.values[i] = positive ? Math.abs(mild[i]!) + 0.1 : mild[i]!;
      });
    }
  }
  const names = train.columns.map((column) => column.name);
  const ours = outcomeOf(() => {
    const fitted = fitStep(spec, train);
    return { fitted, output: transformStep(fitted, test) };
  });
  const question = { kind: 'transform', spec, train: askable(train), test: askable(test), names };
  return {
    name: spec.kind,
    question,
    compare: (theirs: Answer<Transformed>) => {
      const beyond =
        rules.beyondFloats(spec, ours, theirs) ??
        rules.deviation(
          spec,
          train,
          outcomeOf(() => fitStep(spec, train)),
        );
      if (beyond !== undefined) return beyond;
      const refusal = compareRefusals(ours, theirs);
      if (refusal !== undefined) return refusal;
      if (!('value' in ours) || !('value' in theirs)) throw new Error('unreachable');
      const { fitted, output } = ours.value;
      return compareTables(spec, fitted, train, test, output, theirs.value);
    },
  };
}

function compareTables(
  spec: StepSpec,
  fitted: FittedStep,
  train: Table,
  test: Table,
  output: Table,
  theirs: Transformed,
): Verdict {
  const names = compareExactly(
    output.columns.map((column) => column.name),
    rules.names(theirs.names ?? []),
  );
  if (names.difference !== undefined) return names;
  const own = outcomeOf(() =>
    fitted.kind === 'power_transformer'
      ? transformStep({ ...fitted, lambdas: theirs.lambdas! }, test)
      : output,
  );
  const beyond = rules.beyondFloats(spec, own, { value: theirs });
  if (beyond !== undefined) return beyond;
  if ('refused' in own)
    return { apart: Infinity, difference: `we refuse (${own.refused}), they give a value` };
  const mine = own.value;
  const sizes = sizesOf(spec, fitted, train, test);
  let worst = 0;
  let rule: string | undefined;
  for (const [j, column] of mine.columns.entries()) {
    const cells = cellsOf(column);
    for (const [row, cell] of cells.entries()) {
      const wanted = theirs.output[j]?.[row];
      if (cell === wanted) continue;
      if (typeof cell !== 'number' || typeof wanted !== 'number') {
        const ruled = rules.cell(cell, wanted);
        if (ruled !== undefined) {
          rule = ruled;
          continue;
        }
        return {
          apart: Infinity,
          difference: `column ${j}, row ${row}: ours ${cell}, theirs ${wanted}; fitted ${JSON.stringify(fitted).slice(0, 400)}`,
        };
      }
      const distance = apart(cell, wanted, sizes(j, row, wanted));
      if (distance > TOLERANCE) {
        return {
          apart: distance,
          difference: `column ${j}, row ${row}: ours ${cell}, theirs ${wanted}; fitted ${JSON.stringify(fitted).slice(0, 400)}`,
        };
      }
      worst = Math.max(worst, distance);
    }
  }
  if (fitted.kind === 'power_transformer') {
    const lambda = rules.lambdas(fitted, train, theirs.lambdas!);
    if (lambda !== undefined) return { apart: Infinity, difference: lambda };
  }
  return { apart: worst, ...(rule === undefined ? {} : { rules: [rule] }) };
}

/** A target encoder, fitted on all rows. */
export function targetEncoderCheck(random: Random): Check {
  const { train, test } = tables(random, chance(random, 0.8));
  const type = pick(random, ['continuous', 'binary', 'multiclass'] as const);
  const classes = type === 'binary' ? 2 : 3 + random.integer(3);
  const asText = chance(random, 0.5);
  const values: (string | number)[] =
    type === 'continuous'
      ? mildNumbers(random, train.rows)
      : Array.from({ length: train.rows }, () =>
          asText ? `l${random.integer(classes)}` : random.integer(classes),
        );
  const target: EncodingTarget = { type, values };
  const spec = { kind: 'target_encoder', ...maybe(random, 'smooth', [0, 1, 10.5]) } as const;
  const ours = outcomeOf(() => {
    const fitted = fitTargetEncoder(train, target, spec);
    return transformTargetEncoder(fitted, test).columns.map(cellsOf);
  });
  const size = type === 'continuous' ? Math.max(...(values as number[]).map(Math.abs)) : 1;
  return {
    name: 'target_encoder',
    question: { kind: 'target_encode', spec, target, train: askable(train), test: askable(test) },
    compare: (theirs: Answer<Transformed>) =>
      rules.targetEncoder(target, ours) ?? compareRefusals(ours, theirs) ?? compareCells(ours, theirs, size),
  };
}

/** Labels as numbers. */
export function labelEncoderCheck(random: Random): Check {
  const rows = rowCount(random);
  const words = vocabulary(random);
  const labels = chance(random, 0.5)
    ? numbers(random, rows)
    : Array.from({ length: rows }, () => pick(random, words));
  const test = Array.from({ length: 5 }, () =>
    chance(random, 0.05)
      ? typeof labels[0] === 'string'
        ? 'unseen'
        : 0.123
      : pick<string | number>(random, labels),
  );
  const ours = outcomeOf(() => {
    const fitted = fitLabelEncoder(labels);
    return { classes: fitted.classes, codes: Array.from(transformLabelEncoder(fitted, test)) };
  });
  return {
    name: 'label_encoder',
    question: { kind: 'label_encode', labels, test },
    compare: (theirs: Answer<object>) =>
      compareRefusals(ours, theirs) ??
      compareExactly((ours as { value: unknown }).value, (theirs as { value: unknown }).value),
  };
}

/** Pipelines side by side: an imputer and a scaler for numbers, an imputer and an encoder for texts. */
export function columnTransformerCheck(
  random: Random,
  fit: (train: Table, test: Table, spec: ComposeSpec) => Table,
): Check {
  const rows = rowCount(random);
  const testRows = rowCount(random);
  const words = vocabulary(random);
  const width = 2 + random.integer(4);
  const kinds = Array.from({ length: width }, () => chance(random, 0.5));
  const table = (count: number): Table => ({
    rows: count,
    columns: kinds.map((numeric, j) => {
      if (!numeric) return textColumn(random, `x${j}`, count, words);
      const values = mildNumbers(random, count).map((value) => (chance(random, 0.1) ? NaN : value));
      return { name: `x${j}`, type: 'numeric', values: Float64Array.from(values) };
    }),
  });
  const train = table(rows);
  const test = table(testRows);
  const branches = [true, false].flatMap((numeric) => {
    const columns = kinds.flatMap((kind, j) => (kind === numeric && chance(random, 0.8) ? [j] : []));
    if (columns.length === 0) return [];
    const steps: StepSpec[] = numeric
      ? [
          {
            kind: 'simple_imputer',
            strategy: pick(random, ['mean', 'median', 'most_frequent'] as const),
            addIndicator: chance(random, 0.3),
          },
          pick<StepSpec>(random, [
            { kind: 'standard_scaler' },
            { kind: 'min_max_scaler' },
            { kind: 'robust_scaler' },
          ]),
        ]
      : [
          { kind: 'simple_imputer', strategy: 'most_frequent', keepEmptyFeatures: false },
          pick<StepSpec>(random, [
            { kind: 'one_hot_encoder', handleUnknown: 'ignore' },
            { kind: 'ordinal_encoder', handleUnknown: 'use_encoded_value', unknownValue: -1 },
          ]),
        ];
    return [{ name: numeric ? 'num' : 'cat', numeric, columns, steps }];
  });
  const ours = outcomeOf(() => fit(train, test, branches).columns.map(cellsOf));
  return {
    name: 'column_transformer',
    question: {
      kind: 'compose',
      branches,
      train: { ...askable(train), type: 'mixed' },
      test: { ...askable(test), type: 'mixed' },
    },
    compare: (theirs: Answer<Transformed>) =>
      rules.emptyBranch(ours, theirs) ?? compareRefusals(ours, theirs) ?? compareCells(ours, theirs, 1e3),
  };
}

export type ComposeSpec = readonly { name: string; numeric: boolean; columns: number[]; steps: StepSpec[] }[];

function compareCells(
  ours: { value: Cell[][] } | { refused: string },
  theirs: Answer<Transformed>,
  size: number,
): Verdict {
  if (!('value' in ours) || !('value' in theirs)) throw new Error('unreachable');
  let worst = 0;
  if (ours.value.length !== theirs.value.output.length) {
    return {
      apart: Infinity,
      difference: `ours has ${ours.value.length} columns, theirs ${theirs.value.output.length}`,
    };
  }
  for (const [j, cells] of ours.value.entries()) {
    for (const [row, cell] of cells.entries()) {
      const wanted = theirs.value.output[j]?.[row];
      if (cell === wanted) continue;
      const distance =
        typeof cell === 'number' && typeof wanted === 'number' ? apart(cell, wanted, size) : Infinity;
      if (distance > TOLERANCE)
        return { apart: distance, difference: `column ${j}, row ${row}: ours ${cell}, theirs ${wanted}` };
      worst = Math.max(worst, distance);
    }
  }
  return { apart: worst };
}
