import { TabularError } from '../tabular-error.js';
import type { Fold } from './folds.js';
import { createRandom } from './random.js';
import type { Random } from './random.js';

export interface HoldOutOptions {
  /** Test rows: below 1 a share (rounded up), else a number. Default: what training leaves, or 0.25. */
  readonly testSize?: number;
  /** Training rows: below 1 a share (rounded down), else a number. Default: what testing leaves. */
  readonly trainSize?: number;
  /** Default 0. */
  readonly seed?: number;
  /** Without, the last rows are the test rows (not for the stratified one). Default true. */
  readonly shuffle?: boolean;
  /** Row numbers that the positions stand for, ascending. Default 0 … n − 1. */
  readonly rows?: ArrayLike<number>;
}

/**
 * One training and one test set, each ascending, without a common row. Sizes as scikit-learn 1.9.1
 * `train_test_split`; which rows are drawn depends on the seed only. Throws RK_TABULAR_FOLDS_INVALID where a
 * set would be empty or the sizes exceed the rows (two shares: 1, even where rounded they would fit).
 */
export function holdOut(n: number, options: HoldOutOptions = {}): Fold {
  const { train, test } = holdOutSizes(n, options);
  const order = Int32Array.from({ length: n }, (_, i) => i);
  // Without shuffling the training rows come first.
  if (options.shuffle === false)
    return foldOf(order.subarray(0, train), order.subarray(train, train + test), options);
  createRandom(options.seed ?? 0).shuffle(order);
  return foldOf(order.subarray(test, test + train), order.subarray(0, test), options);
}

/**
 * A hold-out with the classes of `codes` in proportion: each class has its share of either set, rounded so
 * that the rows add up (the largest remainders get one row more, ties drawn by the seed), as scikit-learn's
 * `train_test_split(stratify=…)`. Throws RK_TABULAR_FOLDS_INVALID for a class of one row, a set with fewer
 * rows than classes, and negative codes (missing targets).
 */
export function stratifiedHoldOut(codes: ArrayLike<number>, options: HoldOutOptions = {}): Fold {
  const n = codes.length;
  const { train, test } = holdOutSizes(n, options);
  const classes = new Map<number, number[]>();
  for (let i = 0; i < n; i++) {
    const code = codes[i]!;
    if (!(code >= 0)) throw invalid(`Row ${i} has no class (code ${code}); leave rows without a target out.`);
    const members = classes.get(code);
    if (members === undefined) classes.set(code, [i]);
    else members.push(i);
  }
  const members = [...classes.entries()].sort(([a], [b]) => a - b).map(([, rows]) => rows);
  const lonely = members.find((rows) => rows.length < 2);
  if (lonely !== undefined) {
    throw invalid(
      `Class ${codes[lonely[0]!]} has one row only; stratifying needs two of each. Leave it out.`,
    );
  }
  if (Math.min(train, test) < members.length) {
    throw invalid(`${train} training and ${test} test rows cannot hold ${members.length} classes each.`);
  }
  const random = createRandom(options.seed ?? 0);
  const counts = members.map((rows) => rows.length);
  const inTrain = proportional(counts, train, random);
  const inTest = proportional(
    counts.map((count, c) => count - inTrain[c]!),
    test,
    random,
  );
  const trainRows: number[] = [];
  const testRows: number[] = [];
  members.forEach((rows, c) => {
    random.shuffle([...rows]).forEach((row, at) => {
      if (at < inTrain[c]!) trainRows.push(row);
      else if (at < inTrain[c]! + inTest[c]!) testRows.push(row);
    });
  });
  return foldOf(trainRows, testRows, options);
}

/**
 * Draws in proportion to counts: floors, then one more to the largest remainders, ties at random (a
 * hypergeometric's mode).
 */
function proportional(counts: readonly number[], draws: number, random: Random): number[] {
  const total = counts.reduce((a, b) => a + b, 0);
  const exact = counts.map((count) => (count / total) * draws);
  const out = exact.map(Math.floor);
  let open = draws - out.reduce((a, b) => a + b, 0);
  const remainders = exact.map((value, i) => value - out[i]!);
  for (const remainder of [...new Set(remainders)].sort((a, b) => b - a)) {
    if (open <= 0) break;
    const tied = random.shuffle(remainders.flatMap((r, i) => (r === remainder ? [i] : [])));
    for (const i of tied.slice(0, open)) out[i]!++;
    open -= Math.min(open, tied.length);
  }
  return out;
}

function holdOutSizes(
  n: number,
  { testSize, trainSize, rows }: HoldOutOptions,
): { train: number; test: number } {
  for (const size of [testSize, trainSize]) {
    if (size === undefined || (size > 0 && (size < 1 || (Number.isInteger(size) && size < n)))) continue;
    throw invalid(`A size must be a share below 1 or a number of rows below ${n}; it is ${size}.`);
  }
  if (testSize !== undefined && trainSize !== undefined) {
    if (testSize < 1 && trainSize < 1 && testSize + trainSize > 1) {
      throw invalid(
        `Shares of ${trainSize} for training and ${testSize} for testing are more than all rows.`,
      );
    }
  }
  if (rows !== undefined && rows.length !== n)
    throw invalid(`${rows.length} row numbers were given for ${n} rows.`);
  const share = testSize ?? (trainSize === undefined ? 0.25 : undefined);
  const fixedTest = share === undefined ? undefined : share < 1 ? Math.ceil(share * n) : share;
  const fixedTrain =
    trainSize === undefined ? undefined : trainSize < 1 ? Math.floor(trainSize * n) : trainSize;
  const test = fixedTest ?? n - fixedTrain!;
  const train = fixedTrain ?? n - fixedTest!;
  if (train < 1 || test < 1 || train + test > n) {
    throw invalid(`${train} training and ${test} test rows cannot be taken of ${n}; change the sizes.`);
  }
  return { train, test };
}

function foldOf(train: ArrayLike<number>, test: ArrayLike<number>, { rows }: HoldOutOptions): Fold {
  const ascending = (positions: ArrayLike<number>): Uint32Array =>
    Uint32Array.from(positions)
      .sort()
      .map((i) => (rows === undefined ? i : rows[i]!));
  return { train: ascending(train), test: ascending(test) };
}

function invalid(message: string): TabularError {
  return new TabularError('RK_TABULAR_FOLDS_INVALID', message);
}
