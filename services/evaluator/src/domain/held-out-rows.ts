import {
  columnByName,
  descendingOrder,
  encodeTargets,
  targetNumbers,
  tunedThreshold,
} from '@rookery/tabular';
import type { Table, TargetEncoder } from '@rookery/tabular';

/** The held-out rows of a fold and the outputs for them, row-major. */
export interface HeldOutRows {
  readonly rows: Uint32Array;
  readonly outputs: Float32Array;
}

/** Thresholds of a label. */
export interface TunedLabel {
  /** By the held-out rows of all folds: what is served. */
  readonly served: number;
  /** For each fold, by the rows that are held out by other folds and not by it: what the fold is judged by. */
  readonly judged: readonly number[];
}

/**
 * Chooses the thresholds of labels by number, each where its F1 over held-out rows is highest (`tunedThreshold` of libs/tabular),
 * rows weighing what they do in metrics. Nothing here depends on the order of events: the same outputs give the same thresholds.
 */
export function labelTuner(
  table: Table,
  encoder: TargetEncoder,
  folds: readonly HeldOutRows[],
  weightColumn: string,
): (label: number) => TunedLabel {
  const width = encoder.labels.length;
  const flags = encodeTargets(encoder, table);
  const rows = new Uint32Array(folds.reduce((sum, fold) => sum + fold.rows.length, 0));
  let before = 0;
  for (const fold of folds) {
    rows.set(fold.rows, before);
    before += fold.rows.length;
  }
  const weights =
    weightColumn === '' ? {} : { weights: targetNumbers(columnByName(table, weightColumn), rows) };
  // A row may be held out by several folds, where they are repeated.
  const holds = folds.map((fold) => {
    const held = new Uint8Array(table.rows);
    for (const row of fold.rows) held[row] = 1;
    return held;
  });
  return (label) => {
    const truth = Uint8Array.from(rows, (row) => flags[row * width + label]!);
    const probabilities = new Float32Array(rows.length);
    let at = 0;
    for (const { outputs } of folds)
      for (let output = label; output < outputs.length; output += width)
        probabilities[at++] = outputs[output]!;
    const known = { truth, probabilities, ...weights, order: descendingOrder(probabilities) };
    return {
      served: tunedThreshold(known),
      judged: holds.map((held) => tunedThreshold({ ...known, counts: (row) => held[rows[row]!] === 0 })),
    };
  };
}
