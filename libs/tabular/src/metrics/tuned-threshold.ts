import { DEFAULT_LABEL_THRESHOLD } from '../transform/label-sets.js';
import { weightOf } from './label-counts.js';
import { descendingOrder } from './score-order.js';

/** Rows of one label, to choose its threshold by. */
export interface ThresholdRows {
  /** 1 where the row has the label, else 0. */
  readonly truth: ArrayLike<number>;
  /** Its probability, from 0 to 1. */
  readonly probabilities: ArrayLike<number>;
  /** Default 1 each. */
  readonly weights?: ArrayLike<number>;
  /** Rows by descending probability, where that is known. */
  readonly order?: Uint32Array;
  /** Rows that count. Default: all. */
  readonly counts?: (row: number) => boolean;
}

/**
 * The threshold above which predicting the label has the highest F1 over the rows. It lies halfway between two neighbouring
 * probabilities, below the lowest one halfway to 0, so that rounding decides nothing. Of equal F1 the threshold nearest to 0.5 is
 * taken, then the higher one. 0.5 where no row that weighs anything has the label, or none that has it a probability above 0.
 */
export function tunedThreshold(rows: ThresholdRows): number {
  const { truth, probabilities, weights, counts } = rows;
  const order = rows.order ?? descendingOrder(probabilities);
  const all = order.filter((row) => counts === undefined || counts(row));
  let positives = 0;
  for (const row of all) positives += weightOf(weights, row) * truth[row]!;
  let best = { score: 0, threshold: DEFAULT_LABEL_THRESHOLD };
  let claimed = 0;
  let hits = 0;
  for (let at = 0; at < all.length; at++) {
    const row = all[at]!;
    const weight = weightOf(weights, row);
    claimed += weight;
    hits += weight * truth[row]!;
    const lowest = probabilities[row]!;
    const next = at + 1 < all.length ? probabilities[all[at + 1]!]! : 0;
    // Rows of one probability are predicted alike.
    if (!(lowest > next)) continue;
    const score = (2 * hits) / (claimed + positives);
    const threshold = between(next, lowest);
    if (score > best.score || (score === best.score && score > 0 && nearer(threshold, best.threshold)))
      best = { score, threshold };
  }
  return best.threshold;
}

/** A number that is at least `lower` and below `upper`: halfway, where there is a number between them. */
function between(lower: number, upper: number): number {
  const half = (lower + upper) / 2;
  return half < upper ? half : lower;
}

/** Whether `one` departs less from the default than `other`; the higher of two that depart equally. */
function nearer(one: number, other: number): boolean {
  const [a, b] = [one, other].map((threshold) => Math.abs(threshold - DEFAULT_LABEL_THRESHOLD)) as [
    number,
    number,
  ];
  return a < b || (a === b && one > other);
}
