import type { ModelSpec } from './spec/model-spec.js';

/**
 * The weight of each row in the loss: that of its class times its own; undefined where all are 1. 'balanced' is
 * scikit-learn's and gives each class the same sum: rows / (classes × rows of the class), over the rows given.
 */
export function rowWeights(
  classWeights: ModelSpec['classWeights'],
  targets: Int32Array | Float32Array,
  classes: number,
  sampleWeights: Float32Array | undefined,
): Float32Array | undefined {
  if (classWeights === undefined) return sampleWeights;
  let byClass = classWeights;
  if (byClass === 'balanced') {
    const counts = new Float64Array(classes);
    for (const label of targets) counts[label] = counts[label]! + 1;
    byClass = Array.from(counts, (count) => (count === 0 ? 0 : targets.length / (classes * count)));
  }
  return Float32Array.from(targets, (label, row) => byClass[label]! * (sampleWeights?.[row] ?? 1));
}
