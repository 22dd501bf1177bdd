import { TabularError } from '../tabular-error.js';
import { checkFolds, foldsOf } from './folds.js';
import type { Fold, FoldOptions } from './folds.js';
import { createRandom } from './random.js';

/** Sets of labels: rows × labels, row by row; 0 is absent. */
export interface LabelMatrix {
  readonly flags: ArrayLike<number>;
  readonly labels: number;
}

/** Picks one of `count` equally good ones. */
export type Choose = (count: number) => number;

/**
 * k folds in which every label, and the rows as a whole, are spread evenly: iterative stratification (Sechidis, Tsoumakas
 * and Vlahavas 2011). Rows are taken in an order by the seed, and ties go by it. Throws RK_TABULAR_FOLDS_INVALID for
 * k < 2 and k > rows.
 */
export function labelSetKFold(sets: LabelMatrix, k: number, options: FoldOptions = {}): Fold[] {
  const n = sets.flags.length / sets.labels;
  checkFolds(n, k, options);
  const order = Int32Array.from({ length: n }, (_, row) => row);
  const random = createRandom(options.seed ?? 0);
  const shuffled = options.shuffle !== false;
  if (shuffled) random.shuffle(order);
  const assignment = assignLabelSets(sets, k, order, (count) => (shuffled ? random.integer(count) : 0));
  return filled(foldsOf(assignment, k, options.rows), k, n);
}

/**
 * The fold of each row. The label with the fewest rows left goes first; each of its rows, in the given order, to the fold
 * that wants the label most, then to the one that wants rows most, then to a chosen one. Rows without labels come last.
 */
export function assignLabelSets(
  { flags, labels }: LabelMatrix,
  k: number,
  order: Int32Array,
  choose: Choose,
): Int32Array {
  const assignment = new Int32Array(order.length).fill(-1);
  const left = new Int32Array(labels);
  for (let at = 0; at < flags.length; at++) if (flags[at]) left[at % labels]!++;
  const share = 1 / k;
  const wantedRows = new Float64Array(k).fill(share * order.length);
  const wanted = Array.from(left, (count) => new Float64Array(k).fill(share * count));
  const folds = Array.from({ length: k }, (_, fold) => fold);

  const place = (row: number, label: number | undefined): void => {
    const byLabel = label === undefined ? folds : largest(folds, wanted[label]!);
    const best = byLabel.length === 1 ? byLabel : largest(byLabel, wantedRows);
    const fold = best.length === 1 ? best[0]! : best[choose(best.length)]!;
    assignment[row] = fold;
    wantedRows[fold]! -= 1;
    for (let j = 0; j < labels; j++) {
      if (!flags[row * labels + j]) continue;
      wanted[j]![fold]! -= 1;
      left[j]!--;
    }
  };

  for (;;) {
    const label = rarest(left, choose);
    if (label === undefined) break;
    for (const row of order) if (assignment[row]! < 0 && flags[row * labels + label]) place(row, label);
  }
  for (const row of order) if (assignment[row]! < 0) place(row, undefined);
  return assignment;
}

/** The label with the fewest rows left, but one. */
function rarest(left: Int32Array, choose: Choose): number | undefined {
  let least: number[] = [];
  left.forEach((count, label) => {
    if (count === 0) return;
    if (least.length === 0 || count < left[least[0]!]!) least = [label];
    else if (count === left[least[0]!]) least.push(label);
  });
  return least.length <= 1 ? least[0] : least[choose(least.length)];
}

function largest(folds: readonly number[], values: Float64Array): number[] {
  const most = Math.max(...folds.map((fold) => values[fold]!));
  return folds.filter((fold) => values[fold] === most);
}

/** Labels may leave a fold without rows where there are hardly more rows than folds. */
function filled(folds: Fold[], k: number, rows: number): Fold[] {
  if (folds.every(({ test }) => test.length > 0)) return folds;
  throw new TabularError(
    'RK_TABULAR_FOLDS_INVALID',
    `The sets of labels of ${rows} rows can't be spread over ${k} folds; use fewer folds, or folds that are not stratified.`,
  );
}
