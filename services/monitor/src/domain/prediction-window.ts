/** A captured value: null is missing. */
export type StoredValue = number | string | boolean | null;

/** A captured prediction as it is kept. */
export interface StoredPredictionRow {
  readonly id: string;
  /** Milliseconds since the epoch. */
  readonly t: number;
  /** In the order of the features. */
  readonly v: readonly StoredValue[];
  readonly label: string;
  /** Probabilities in the order of the classes, or the predicted number. */
  readonly out: readonly number[];
}

/** A prediction with its names and, where it is known, its truth. */
export interface WindowRow {
  readonly id: string;
  readonly timeMs: number;
  readonly values: ReadonlyMap<string, StoredValue>;
  readonly label: string;
  readonly outputs: readonly number[];
  readonly truth: string | undefined;
}

/** A batch, as far as a window needs it. */
export interface WindowBatch {
  readonly features: readonly string[];
  readonly predictions: readonly StoredPredictionRow[];
}

/** The newest `size` predictions of the batches, oldest first, each with its label if there is one. */
export function newestRows(
  batches: readonly WindowBatch[],
  size: number,
  labels: ReadonlyMap<string, string>,
): WindowRow[] {
  return batches
    .flatMap(({ features, predictions }) => predictions.map((prediction) => ({ features, prediction })))
    .sort((a, b) => a.prediction.t - b.prediction.t || (a.prediction.id < b.prediction.id ? -1 : 1))
    .slice(-size)
    .map(({ features, prediction }) => ({
      id: prediction.id,
      timeMs: prediction.t,
      values: new Map(features.map((name, index) => [name, prediction.v[index] ?? null])),
      label: prediction.label,
      outputs: prediction.out,
      truth: labels.get(prediction.id),
    }));
}
