import { TabularError } from '../tabular-error.js';
import { createRandom } from './random.js';

/** Row numbers of one fold, ascending. */
export interface Fold {
  readonly train: Uint32Array;
  readonly test: Uint32Array;
}

export interface FoldOptions {
  /** Default true. */
  readonly shuffle?: boolean;
  /** Of the shuffle. Default 0. */
  readonly seed?: number;
  /** Row numbers that the positions stand for, ascending (such as rows with a target). Default 0 … n − 1. */
  readonly rows?: ArrayLike<number>;
}

/**
 * k folds of n rows; each row is in exactly one test fold. The first n mod k folds have one row more. Without
 * shuffling, folds are runs of consecutive rows, as scikit-learn's KFold. Throws RK_TABULAR_FOLDS_INVALID for
 * k < 2 and k > n.
 */
export function kFold(n: number, k: number, options: FoldOptions = {}): Fold[] {
  checkFolds(n, k, options);
  const order = Int32Array.from({ length: n }, (_, i) => i);
  if (options.shuffle !== false) createRandom(options.seed ?? 0).shuffle(order);
  const assignment = new Int32Array(n);
  let at = 0;
  for (let fold = 0; fold < k; fold++) {
    const size = Math.floor(n / k) + (fold < n % k ? 1 : 0);
    for (let i = 0; i < size; i++) assignment[order[at++]!] = fold;
  }
  return foldsOf(assignment, k, options.rows);
}

/**
 * k folds with the classes of `codes` (0, 1, …) spread evenly, with as many rows of each class in each test fold
 * as scikit-learn's StratifiedKFold gives: classes are numbered by first appearance, the sorted codes dealt out in
 * turn to the folds, and the folds of each class's rows shuffled. Throws RK_TABULAR_FOLDS_INVALID for k < 2,
 * k > rows, k larger than every class, and a negative code (a missing target: leave such rows out).
 */
export function stratifiedKFold(
  codes: Int32Array | readonly number[],
  k: number,
  options: FoldOptions = {},
): Fold[] {
  const n = codes.length;
  checkFolds(n, k, options);
  const numbering = new Map<number, number>();
  const classes = new Int32Array(n);
  for (let i = 0; i < n; i++) {
    const code = codes[i]!;
    if (!(code >= 0)) {
      throw invalid(
        `Row ${options.rows?.[i] ?? i} has no class (code ${code}); leave rows without a target out.`,
      );
    }
    let number = numbering.get(code);
    if (number === undefined) numbering.set(code, (number = numbering.size));
    classes[i] = number;
  }
  const counts = new Int32Array(numbering.size);
  for (const number of classes) counts[number]!++;
  const largest = counts.reduce((a, b) => Math.max(a, b), 0);
  if (k > largest) {
    throw invalid(
      `${k} folds need a class of at least ${k} rows; the largest has ${largest}. Use fewer folds or more rows.`,
    );
  }
  const random = options.shuffle === false ? undefined : createRandom(options.seed ?? 0);
  const sorted = Int32Array.from(classes).sort();
  const assignment = new Int32Array(n);
  for (let number = 0; number < counts.length; number++) {
    const folds = new Int32Array(counts[number]!);
    let at = 0;
    for (let fold = 0; fold < k; fold++) {
      for (let i = fold; i < n; i += k) if (sorted[i] === number) folds[at++] = fold;
    }
    random?.shuffle(folds);
    at = 0;
    for (let i = 0; i < n; i++) if (classes[i] === number) assignment[i] = folds[at++]!;
  }
  return foldsOf(assignment, k, options.rows);
}

/** The rows of each fold, from the fold that each row is tested in. */
export function foldsOf(assignment: Int32Array, k: number, rows: ArrayLike<number> | undefined): Fold[] {
  const sizes = new Int32Array(k);
  for (const fold of assignment) sizes[fold]!++;
  return Array.from({ length: k }, (_, fold) => {
    const test = new Uint32Array(sizes[fold]!);
    const train = new Uint32Array(assignment.length - test.length);
    let inTest = 0;
    let inTrain = 0;
    assignment.forEach((assigned, i) => {
      const row = rows === undefined ? i : rows[i]!;
      if (assigned === fold) test[inTest++] = row;
      else train[inTrain++] = row;
    });
    return { train, test };
  });
}

/** Throws RK_TABULAR_FOLDS_INVALID for k < 2, k > rows, and row numbers of another length. */
export function checkFolds(n: number, k: number, options: FoldOptions): void {
  if (!Number.isInteger(k) || k < 2)
    throw invalid(`Cross-validation needs at least 2 folds; ${k} were asked for.`);
  if (k > n)
    throw invalid(`${k} folds need at least ${k} rows; there are ${n}. Use fewer folds or more rows.`);
  if (options.rows !== undefined && options.rows.length !== n) {
    throw invalid(`${options.rows.length} row numbers were given for ${n} rows.`);
  }
}

function invalid(message: string): TabularError {
  return new TabularError('RK_TABULAR_FOLDS_INVALID', message);
}
