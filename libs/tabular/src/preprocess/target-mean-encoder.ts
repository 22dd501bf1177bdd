import { columnByName } from '../table/table.js';
import type { Table } from '../table/table.js';
import { TabularError } from '../tabular-error.js';
import { categoryCells, categoryText, numericColumn, requireRows, tableOf } from './cells.js';
import type { Category } from './cells.js';
import { encodeCategories, fitCategories } from './category-groups.js';
import { fitLabelEncoder, transformLabelEncoder } from './label-encoder.js';
import { columnNames } from './map-columns.js';
import { weightedMoments } from './statistics.js';

/** Categories by the mean of the target. As scikit-learn 1.9.1 `TargetEncoder` (Micci-Barreca 2001). */
export interface TargetEncoderSpec {
  readonly kind: 'target_encoder';
  /** Categories, one list a column; default 'auto'. */
  readonly categories?: 'auto' | readonly (readonly Category[])[];
  /** 'auto' (empirical Bayes, default), or the weight in rows of the target's overall mean. */
  readonly smooth?: 'auto' | number;
}

/** The target to encode by: numbers with 'continuous', labels (all strings or all numbers) else. */
export interface EncodingTarget {
  readonly type: 'continuous' | 'binary' | 'multiclass';
  readonly values: ArrayLike<string | number>;
}

/** A fitted TargetEncoder. */
export interface FittedTargetEncoder {
  readonly kind: 'target_encoder';
  readonly columns: readonly string[];
  readonly targetType: EncodingTarget['type'];
  /** Labels of the classes; empty for continuous targets. */
  readonly classes: readonly (string | number)[];
  /** Mean of each target output: one, or one a class for multiclass. Unknown categories get it. */
  readonly targetMean: readonly number[];
  readonly categories: readonly (readonly Category[])[];
  /** encodings[column][output][category]. */
  readonly encodings: readonly (readonly (readonly number[])[])[];
}

/** Test rows of folds that hold each row exactly once: what kFold and its relatives give. */
export type TestFolds = readonly { readonly train: ArrayLike<number>; readonly test: ArrayLike<number> }[];

/**
 * Fit an encoder on all columns and rows. Cells that are none of given categories do not count (scikit-learn
 * 1.9.1 counts them as the first category). Throws RK_TABULAR_TARGET_INVALID for a target of another length,
 * with NaN, or with a number of classes that does not suit its type. Transforming the same rows with it leaks
 * the target: use fitTransformTargetEncoder for training rows.
 */
export function fitTargetEncoder(
  table: Table,
  target: EncodingTarget,
  spec: TargetEncoderSpec = { kind: 'target_encoder' },
): FittedTargetEncoder {
  requireRows(table, 'TargetEncoder');
  const { classes, outputs } = targetOutputs(target, table.rows);
  const categories = categoriesOf(table, spec);
  const codes = table.columns.map((column, j) =>
    encodeCategories({ categories: categories[j]!, infrequent: [] }, categoryCells(column)),
  );
  const { means, encodings } = encode(codes, categories, outputs, undefined, spec.smooth ?? 'auto');
  return {
    kind: 'target_encoder',
    columns: columnNames(table),
    targetType: target.type,
    classes,
    targetMean: means,
    categories,
    encodings,
  };
}

/**
 * Encoded columns: under their names, or `<column>_<class>` for multiclass. An unknown category gets the
 * target's mean.
 */
export function transformTargetEncoder(fitted: FittedTargetEncoder, table: Table): Table {
  const codes = codesOf(fitted, table);
  return tableOf(
    table.rows,
    outputNames(fitted).map(({ name, column, output }) =>
      numericColumn(
        name,
        Float64Array.from(codes[column]!, (code) => encodingOf(fitted, column, output, code)),
      ),
    ),
  );
}

/**
 * Fit on all rows, and encode each row by the rows of the other folds only (cross-fitting), as scikit-learn's
 * `fit_transform` does with these folds as `cv`. A category that a fold's training rows lack gets their mean,
 * and so does one that is not among given categories (scikit-learn writes the last fold's mean there, which
 * may hold the row's own target). Throws RK_TABULAR_FOLDS_INVALID where the test folds do not hold each row
 * exactly once.
 */
export function fitTransformTargetEncoder(
  table: Table,
  target: EncodingTarget,
  folds: TestFolds,
  spec: TargetEncoderSpec = { kind: 'target_encoder' },
): { fitted: FittedTargetEncoder; output: Table } {
  const { fitted, parts } = crossFitTargetEncoder(table, target, folds, spec);
  const columns = outputNames(fitted).map((place) => ({ ...place, values: new Float64Array(table.rows) }));
  const codes = codesOf(fitted, table);
  folds.forEach(({ test }, fold) => {
    const part = parts[fold]!;
    for (const { column, output, values } of columns) {
      for (let i = 0; i < test.length; i++) {
        const code = codes[column]![test[i]!]!;
        values[test[i]!] = encodingOf(part, column, output, code);
      }
    }
  });
  return {
    fitted,
    output: tableOf(
      table.rows,
      columns.map(({ name, values }) => numericColumn(name, values)),
    ),
  };
}

/**
 * The encoder fitted on all rows, and one for the test rows of each fold: of the same categories and classes, but by
 * the fold's training rows only.
 */
export function crossFitTargetEncoder(
  table: Table,
  target: EncodingTarget,
  folds: TestFolds,
  spec: TargetEncoderSpec = { kind: 'target_encoder' },
): { fitted: FittedTargetEncoder; parts: FittedTargetEncoder[] } {
  checkCover(folds, table.rows);
  const fitted = fitTargetEncoder(table, target, spec);
  const { outputs } = targetOutputs(target, table.rows);
  const codes = codesOf(fitted, table);
  const parts = folds.map(({ train }): FittedTargetEncoder => {
    const part = encode(codes, fitted.categories, outputs, train, spec.smooth ?? 'auto');
    return { ...fitted, targetMean: part.means, encodings: part.encodings };
  });
  return { fitted, parts };
}

/** One cell by the position of its category, −1 for an unknown one. */
export function encodingOf(
  fitted: FittedTargetEncoder,
  column: number,
  output: number,
  code: number,
): number {
  return code < 0 ? fitted.targetMean[output]! : fitted.encodings[column]![output]![code]!;
}

function codesOf(fitted: FittedTargetEncoder, table: Table): Int32Array[] {
  return fitted.columns.map((name, j) =>
    encodeCategories(
      { categories: fitted.categories[j]!, infrequent: [] },
      categoryCells(columnByName(table, name)),
    ),
  );
}

/** Name and place of each output. */
export function outputNames(fitted: FittedTargetEncoder): { name: string; column: number; output: number }[] {
  return fitted.columns.flatMap((name, column) =>
    fitted.targetType === 'multiclass'
      ? fitted.classes.map((label, output) => ({ name: `${name}_${className(label)}`, column, output }))
      : [{ name, column, output: 0 }],
  );
}

/** Whole numbers as Python's int, as class labels are integers there. */
function className(label: string | number): string {
  return Number.isInteger(label) ? String(label) : categoryText(label);
}

function categoriesOf(table: Table, spec: TargetEncoderSpec): Category[][] {
  return table.columns.map((column, j) => {
    const given =
      spec.categories === undefined || spec.categories === 'auto' ? undefined : spec.categories[j];
    return [...fitCategories(column, given, { groupMissing: true, refuseOthers: false }).categories];
  });
}

/** Means of the target and of each category, over `rows` or all. */
function encode(
  codes: readonly Int32Array[],
  categories: readonly (readonly Category[])[],
  outputs: readonly Float64Array[],
  rows: ArrayLike<number> | undefined,
  smooth: 'auto' | number,
): { means: number[]; encodings: number[][][] } {
  const pick = (i: number): number => (rows === undefined ? i : rows[i]!);
  const count = rows?.length ?? outputs[0]!.length;
  const moments = outputs.map((y) =>
    weightedMoments(Float64Array.from({ length: count }, (_, i) => y[pick(i)]!)),
  );
  const encodings = codes.map((code, column) =>
    outputs.map((y, output) => {
      const size = categories[column]!.length;
      const counts = new Float64Array(size);
      const sums = new Float64Array(size);
      const squares = new Float64Array(size);
      for (let i = 0; i < count; i++) {
        const c = code[pick(i)]!;
        if (c < 0) continue;
        counts[c]!++;
        sums[c]! += y[pick(i)]!;
      }
      const { mean, variance } = moments[output]!;
      if (smooth !== 'auto') {
        return Array.from(sums, (sum, c) =>
          counts[c]! + smooth === 0 ? mean : (sum + smooth * mean) / (counts[c]! + smooth),
        );
      }
      for (let i = 0; i < count; i++) {
        const c = code[pick(i)]!;
        if (c >= 0) squares[c]! += (y[pick(i)]! - sums[c]! / counts[c]!) ** 2;
      }
      return Array.from(sums, (sum, c) => {
        const own = variance * counts[c]!;
        const share = own / (own + squares[c]! / counts[c]!);
        return Number.isNaN(share) ? mean : (share * sum) / counts[c]! + (1 - share) * mean;
      });
    }),
  );
  return { means: moments.map((m) => m.mean), encodings };
}

function targetOutputs(
  target: EncodingTarget,
  rows: number,
): { classes: readonly (string | number)[]; outputs: Float64Array[] } {
  const { type, values } = target;
  if (values.length !== rows) throw badTarget(`has ${values.length} values for ${rows} rows`);
  if (type === 'continuous') {
    const numbers = Float64Array.from(values as ArrayLike<number>);
    const row = numbers.findIndex((value) => !Number.isFinite(value));
    if (row >= 0) throw badTarget(`is no finite number in row ${row}`);
    return { classes: [], outputs: [numbers] };
  }
  const encoder = fitLabelEncoder(values);
  const codes = transformLabelEncoder(encoder, values);
  const { classes } = encoder;
  if (type === 'binary') {
    if (classes.length > 2) throw badTarget(`has ${classes.length} classes, but is called binary`);
    return { classes, outputs: [Float64Array.from(codes)] };
  }
  if (classes.length < 3) throw badTarget(`has ${classes.length} classes, but is called multiclass`);
  return {
    classes,
    outputs: classes.map((_, k) => Float64Array.from(codes, (code) => (code === k ? 1 : 0))),
  };
}

function checkCover(folds: TestFolds, rows: number): void {
  const seen = new Uint8Array(rows);
  let valid = true;
  for (const { test } of folds) {
    for (let i = 0; i < test.length; i++) {
      if (seen[test[i]!] !== 0) valid = false;
      seen[test[i]!] = 1;
    }
  }
  if (valid && seen.every((mark) => mark === 1)) return;
  throw new TabularError(
    'RK_TABULAR_FOLDS_INVALID',
    `Cross-fitting needs test folds that hold each of the ${rows} rows exactly once; use kFold or one of its relatives.`,
  );
}

function badTarget(problem: string): TabularError {
  return new TabularError('RK_TABULAR_TARGET_INVALID', `The target to encode by ${problem}.`);
}
