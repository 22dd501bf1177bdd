import { compareCategories } from '../table/category-order.js';
import { TabularError } from '../tabular-error.js';
import type { Fold, FoldOptions } from './folds.js';
import { createRandom } from './random.js';

/** Group of each row: all numbers, or all strings. */
export type Groups = ArrayLike<number> | readonly string[];

/**
 * k folds in which the rows of a group stay together. Without shuffling (the default here) as scikit-learn
 * 1.9.1 `GroupKFold`: the largest groups first, each to the fold with the fewest rows. With `shuffle`, groups
 * are shuffled by the seed and dealt out in runs of nearly equal numbers of groups. Throws
 * RK_TABULAR_FOLDS_INVALID for fewer than 2 folds or fewer groups than folds.
 */
export function groupKFold(groups: Groups, k: number, options: FoldOptions = {}): Fold[] {
  const { codes, count } = groupCodes(groups);
  checkGroups(count, k, codes.length, options);
  const foldOf = new Int32Array(count);
  if (options.shuffle === true) {
    const order = createRandom(options.seed ?? 0).shuffle(Int32Array.from({ length: count }, (_, i) => i));
    let at = 0;
    for (let fold = 0; fold < k; fold++) {
      const size = Math.floor(count / k) + (fold < count % k ? 1 : 0);
      for (let i = 0; i < size; i++) foldOf[order[at++]!] = fold;
    }
  } else {
    const sizes = new Int32Array(count);
    for (const code of codes) sizes[code]!++;
    // Of equally large groups the last comes first, as a reversed stable sort gives.
    const order = Int32Array.from({ length: count }, (_, i) => i).sort(
      (a, b) => sizes[b]! - sizes[a]! || b - a,
    );
    const rows = new Float64Array(k);
    for (const group of order) {
      const lightest = rows.indexOf(Math.min(...rows));
      rows[lightest]! += sizes[group]!;
      foldOf[group] = lightest;
    }
  }
  return assignedFolds(
    codes.map((code) => foldOf[code]!),
    k,
    options.rows,
  );
}

/**
 * k folds in which groups stay together and classes are spread evenly. As scikit-learn 1.9.1
 * `StratifiedGroupKFold`: groups with the most uneven classes first, each to the fold that makes the shares
 * of the classes vary least (tie: the fold with the fewest rows). Not shuffled by default; `shuffle` draws
 * the order of groups of equal unevenness. Throws RK_TABULAR_FOLDS_INVALID for fewer than 2 folds, fewer
 * groups than folds, more folds than the largest class has rows, and negative codes (missing targets).
 */
export function stratifiedGroupKFold(
  codes: ArrayLike<number>,
  groups: Groups,
  k: number,
  options: FoldOptions = {},
): Fold[] {
  const n = codes.length;
  const { codes: groupOf, count } = groupCodes(groups);
  if (groupOf.length !== n) throw invalid(`${groupOf.length} groups were given for ${n} rows.`);
  const classes = groupCodes(codes);
  for (let i = 0; i < n; i++) {
    if (!(codes[i]! >= 0))
      throw invalid(`Row ${i} has no class (code ${codes[i]}); leave rows without a target out.`);
  }
  const classRows = new Float64Array(classes.count);
  for (const code of classes.codes) classRows[code]!++;
  checkGroups(count, k, n, options);
  const largest = classRows.reduce((a, b) => Math.max(a, b), 0);
  if (k > largest)
    throw invalid(`${k} folds need a class of at least ${k} rows; the largest has ${largest}.`);
  const perGroup = Array.from({ length: count }, () => new Float64Array(classes.count));
  for (let i = 0; i < n; i++) perGroup[groupOf[i]!]![classes.codes[i]!]!++;
  const order = Int32Array.from({ length: count }, (_, i) => i);
  if (options.shuffle === true) createRandom(options.seed ?? 0).shuffle(order);
  const unevenness = perGroup.map((counts) => deviation(counts));
  order.sort((a, b) => unevenness[b]! - unevenness[a]!);
  const perFold = Array.from({ length: k }, () => new Float64Array(classes.count));
  const foldOf = new Int32Array(count);
  for (const group of order) {
    const best = bestFold(perFold, classRows, perGroup[group]!);
    perGroup[group]!.forEach((rows, c) => {
      perFold[best]![c]! += rows;
    });
    foldOf[group] = best;
  }
  return assignedFolds(
    groupOf.map((group) => foldOf[group]!),
    k,
    options.rows,
  );
}

function bestFold(perFold: readonly Float64Array[], classRows: Float64Array, group: Float64Array): number {
  let best = 0;
  let bestSpread = Infinity;
  let fewest = Infinity;
  perFold.forEach((fold, i) => {
    const spreads = classRows.map((total, c) =>
      // Fold by fold in order: ties are decided as NumPy rounds, which sums a single class as one row.
      deviation(
        perFold.map((counts, j) => (counts[c]! + (j === i ? group[c]! : 0)) / total),
        classRows.length > 1,
      ),
    );
    const spread = pairwiseSum(spreads) / spreads.length;
    const rows = pairwiseSum(fold);
    const close = Math.abs(spread - bestSpread) <= 1e-8 + 1e-5 * Math.abs(bestSpread);
    if (spread < bestSpread || (close && rows < fewest)) {
      best = i;
      bestSpread = spread;
      fewest = rows;
    }
  });
  return best;
}

/**
 * Population standard deviation, summed as NumPy sums: pairwise along rows, one by one (`sequential`) across
 * them.
 */
function deviation(values: ArrayLike<number>, sequential = false): number {
  const sum = sequential ? plainSum : pairwiseSum;
  const mean = sum(values) / values.length;
  return Math.sqrt(sum(Array.from(values, (value) => (value - mean) * (value - mean))) / values.length);
}

function plainSum(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]!;
  return sum;
}

/** NumPy's summation of up to 128 numbers: eight running sums. More are summed in halves. */
function pairwiseSum(values: ArrayLike<number>): number {
  const n = values.length;
  if (n < 8) return plainSum(values);
  if (n > 128) {
    const all = Array.from(values);
    const half = (n >> 1) - ((n >> 1) % 8);
    return pairwiseSum(all.slice(0, half)) + pairwiseSum(all.slice(half));
  }
  const r = Array.from({ length: 8 }, (_, i) => values[i]!);
  let i = 8;
  for (; i + 8 <= n; i += 8) for (let j = 0; j < 8; j++) r[j]! += values[i + j]!;
  let sum = r[0]! + r[1]! + (r[2]! + r[3]!) + (r[4]! + r[5]! + (r[6]! + r[7]!));
  for (; i < n; i++) sum += values[i]!;
  return sum;
}

/** Number of each row's group among the sorted groups. */
function groupCodes(groups: Groups): { codes: Int32Array; count: number } {
  const values: (number | string)[] = Array.from(groups as ArrayLike<number | string>);
  const distinct = [...new Set(values)].sort((a, b) =>
    typeof a === 'number' && typeof b === 'number' ? a - b : compareCategories(String(a), String(b)),
  );
  const positions = new Map(distinct.map((group, i) => [group, i]));
  return { codes: Int32Array.from(values, (group) => positions.get(group)!), count: distinct.length };
}

/** Folds from the number of each row's test fold. */
function assignedFolds(assignment: Int32Array, k: number, rows: ArrayLike<number> | undefined): Fold[] {
  const all = Array.from(assignment, (_, i) => i);
  const rowOf = (i: number): number => (rows === undefined ? i : rows[i]!);
  return Array.from({ length: k }, (_, fold) => ({
    train: Uint32Array.from(all.filter((i) => assignment[i] !== fold).map(rowOf)),
    test: Uint32Array.from(all.filter((i) => assignment[i] === fold).map(rowOf)),
  }));
}

function checkGroups(groups: number, k: number, n: number, options: FoldOptions): void {
  if (!Number.isInteger(k) || k < 2)
    throw invalid(`Cross-validation needs at least 2 folds; ${k} were asked for.`);
  if (k > groups)
    throw invalid(`${k} folds need at least ${k} groups; there are ${groups}. Use fewer folds.`);
  if (options.rows !== undefined && options.rows.length !== n) {
    throw invalid(`${options.rows.length} row numbers were given for ${n} rows.`);
  }
}

function invalid(message: string): TabularError {
  return new TabularError('RK_TABULAR_FOLDS_INVALID', message);
}
