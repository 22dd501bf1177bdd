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

/**
 * The weight of each label in the loss of the rows that have it; undefined where all are 1. 'balanced' gives the rows with a label the
 * sum of those without it: rows without / rows with, over the rows given; 1 for a label that is in all of them or in none.
 */
export function positiveWeights(
  given: ModelSpec['positiveWeights'],
  targets: ArrayLike<number>,
  labels: number,
): Float64Array | undefined {
  if (given === undefined) return undefined;
  if (given !== 'balanced') return Float64Array.from(given);
  const rows = targets.length / labels;
  const counts = new Float64Array(labels);
  for (let at = 0; at < targets.length; at += labels)
    for (let label = 0; label < labels; label += 1) counts[label]! += targets[at + label]!;
  return counts.map((count) => (count === 0 || count === rows ? 1 : (rows - count) / count));
}
