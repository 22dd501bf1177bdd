import { evaluateClassification, evaluateRegression } from '@rookery/tabular';

import type { WindowRow } from './prediction-window.js';

/**
 * Metrics of the labelled rows, by the definitions of libs/tabular; nothing without labels. A row whose label is no class
 * of the model (or no number, for regression) is left out and counted in `unknownLabels`.
 */
export function modelQuality(
  rows: readonly WindowRow[],
  classes: readonly string[],
): { readonly metrics: Record<string, number>; readonly labelled: number; readonly unknownLabels: number } {
  const labelled = rows.filter((row) => row.truth !== undefined);
  if (labelled.length === 0) return { metrics: {}, labelled: 0, unknownLabels: 0 };
  if (classes.length === 0) {
    const numeric = labelled.filter((row) => Number.isFinite(Number(row.truth)));
    if (numeric.length === 0) return { metrics: {}, labelled: 0, unknownLabels: labelled.length };
    const { metrics } = evaluateRegression({
      truth: numeric.map((row) => Number(row.truth)),
      predictions: numeric.map((row) => row.outputs[0] ?? NaN),
    });
    return { metrics, labelled: numeric.length, unknownLabels: labelled.length - numeric.length };
  }
  const code = new Map(classes.map((name, index) => [name, index]));
  const known = labelled.filter((row) => code.has(row.truth ?? ''));
  if (known.length === 0) return { metrics: {}, labelled: 0, unknownLabels: labelled.length };
  const { metrics } = evaluateClassification({
    labels: classes,
    truth: Int32Array.from(known, (row) => code.get(row.truth ?? '') ?? -1),
    probabilities: Float64Array.from(known.flatMap((row) => row.outputs)),
  });
  return { metrics, labelled: known.length, unknownLabels: labelled.length - known.length };
}
