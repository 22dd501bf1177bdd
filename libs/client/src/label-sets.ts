import type { Prediction } from '@rookery/proto/rookery/inference/v1/inference';
import type { Label } from '@rookery/proto/rookery/monitor/v1/monitor';

/** The truth about a prediction: a class or a number as text, or the labels of a multi-label row. */
export type PredictionTruth = { readonly predictionId: string } & (
  { readonly label: string } | { readonly labels: readonly string[] }
);

/** A multi-label row without labels, as text. */
const noLabels = '[]';

/** The label set of a prediction; undefined where the model gives one class or a number. */
export function labelsOf(
  { label, labels }: Prediction,
  classes: readonly string[],
): readonly string[] | undefined {
  return labels.length > 0 || (label === noLabels && !classes.includes(noLabels)) ? labels : undefined;
}

/** The truth as the monitor takes it. */
export function labelOf(truth: PredictionTruth): Label {
  const { predictionId } = truth;
  if ('label' in truth) return { predictionId, label: truth.label, labels: [] };
  return truth.labels.length === 0
    ? { predictionId, label: noLabels, labels: [] }
    : { predictionId, label: '', labels: [...truth.labels] };
}
