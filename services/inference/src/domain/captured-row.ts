import type { Row } from '@rookery/proto/rookery/domain/v1/data';
import type { Prediction } from '@rookery/proto/rookery/inference/v1/inference';

/** The version that answered, as a batch of captures names it. Compared by identity. */
export interface CapturedModel {
  readonly name: string;
  readonly version: number;
  readonly features: readonly string[];
  readonly classes: readonly string[];
}

/** One answered prediction, as it waits to be sent: the request's and the answer's own objects, nothing is copied. */
export interface CapturedRow {
  readonly model: CapturedModel;
  readonly row: Row;
  readonly prediction: Prediction;
  readonly timeMs: number;
  /** '' where the caller sent no trace. */
  readonly traceId: string;
}

/** What the objects of a captured row take beside its values, of a value, and of an output, as estimated: bytes. */
const rowBytes = 450;
const valueBytes = 100;
const outputBytes = 8;

/** Memory that a captured row holds while it waits, in bytes, as estimated. */
export function capturedBytes({ model, row, prediction }: CapturedRow): number {
  const { features } = model;
  let bytes = rowBytes + valueBytes * features.length + outputBytes * prediction.probabilities.length;
  // The text of a set of labels is made for its row; that of a class is the model's.
  if (prediction.labels.length > 0)
    bytes += 2 * prediction.label.length + outputBytes * prediction.labels.length;
  for (let i = 0; i < features.length; i += 1) {
    const kind = row.values[features[i]!]?.kind;
    if (kind?.$case === 'text') bytes += 2 * kind.value.length;
  }
  return bytes;
}
