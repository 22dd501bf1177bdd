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
