import {
  columnByName,
  encodeLabels,
  encodeTargets,
  evaluateClassification,
  evaluateMultilabel,
  evaluateRegression,
  labelThreshold,
  targetNumbers,
} from '@rookery/tabular';
import type { LabelConfusion, Table, TargetEncoder } from '@rookery/tabular';

/** Metrics of one fold and its counts of truth and prediction. */
export interface HeldOutQuality {
  readonly rows: number;
  readonly metrics: Record<string, number>;
  /** Truth × prediction, in the order of the classes; empty for regression and multi-label. */
  readonly confusion: readonly (readonly number[])[];
  /** Multi-label: counts of each label. */
  readonly labelConfusions?: readonly LabelConfusion[];
}

/**
 * Compares the outputs for the held-out rows (row-major) with their truth, by the definitions of libs/tabular, each row with
 * its weight where a column of weights is named. A metric that
 * is no finite number (or undefined, such as r2 of one row) is left out: JSON could not carry it.
 */
export function heldOutQuality(
  table: Table,
  encoder: TargetEncoder,
  rows: Uint32Array,
  outputs: Float32Array,
  weightColumn = '',
): HeldOutQuality {
  const weights =
    weightColumn === '' ? {} : { weights: targetNumbers(columnByName(table, weightColumn), rows) };
  if (encoder.task === 'multilabel') {
    const evaluation = evaluateMultilabel({
      labels: encoder.labels,
      truth: encodeTargets(encoder, table, rows),
      probabilities: outputs,
      threshold: labelThreshold(encoder),
      ...weights,
    });
    return {
      rows: evaluation.rows,
      metrics: finiteOnly(evaluation.metrics),
      confusion: [],
      labelConfusions: evaluation.confusion,
    };
  }
  const target = columnByName(table, encoder.column);
  if (encoder.task === 'regression') {
    const { rows: counted, metrics } = evaluateRegression({
      truth: targetNumbers(target, rows),
      predictions: outputs,
      ...weights,
    });
    return { rows: counted, metrics: finiteOnly(metrics), confusion: [] };
  }
  const evaluation = evaluateClassification({
    labels: encoder.labels,
    truth: encodeLabels(encoder, target, rows),
    probabilities: outputs,
    ...weights,
  });
  return {
    rows: evaluation.rows,
    metrics: finiteOnly(evaluation.metrics),
    confusion: evaluation.confusion.counts,
  };
}

function finiteOnly(metrics: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(metrics).filter(([, value]) => Number.isFinite(value)));
}
