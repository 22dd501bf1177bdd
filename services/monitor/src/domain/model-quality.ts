import { evaluateClassification, evaluateRegression, parseDecimal } from '@rookery/tabular';

import type { WindowRow } from './prediction-window.js';

/** Whether a label can be the truth of a model with these classes: one of them, or a number where there are none. */
export function labelFits(label: string, classes: readonly string[]): boolean {
  return classes.length === 0 ? numberOf(label) !== undefined : classes.includes(label);
}

/** The number that a label of a regression stands for. */
export function numberOf(label: string): number | undefined {
  const value = parseDecimal(label.trim());
  return value !== undefined && Number.isFinite(value) ? value : undefined;
}

/**
 * Metrics of the labelled rows, by the definitions of libs/tabular; nothing without labels. A row whose label does not fit
 * the model, or whose outputs are not one a class, is left out and counted in `unknownLabels`. All metrics are finite.
 */
export function modelQuality(
  rows: readonly WindowRow[],
  classes: readonly string[],
): { readonly metrics: Record<string, number>; readonly labelled: number; readonly unknownLabels: number } {
  const outputs = Math.max(1, classes.length);
  const labelled = rows.flatMap((row) =>
    row.truth === undefined ? [] : [{ truth: row.truth, outputs: row.outputs }],
  );
  const usable = labelled.filter((row) => row.outputs.length === outputs && labelFits(row.truth, classes));
  const unknownLabels = labelled.length - usable.length;
  if (usable.length === 0) return { metrics: {}, labelled: 0, unknownLabels };
  const { metrics } =
    classes.length === 0
      ? evaluateRegression({
          truth: usable.map((row) => numberOf(row.truth) ?? NaN),
          predictions: usable.map((row) => row.outputs[0] ?? NaN),
        })
      : evaluateClassification({
          labels: classes,
          truth: usable.map((row) => classes.indexOf(row.truth)),
          probabilities: usable.flatMap((row) => row.outputs),
        });
  const finite = Object.entries(metrics).filter(([, value]) => Number.isFinite(value));
  return { metrics: Object.fromEntries(finite), labelled: usable.length, unknownLabels };
}
