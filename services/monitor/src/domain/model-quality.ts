import {
  evaluateClassification,
  evaluateMultilabel,
  evaluateRegression,
  parseDecimal,
  parseLabelSet,
} from '@rookery/tabular';
import type { LabelThreshold } from '@rookery/tabular';

import type { WindowRow } from './prediction-window.js';

/** What the labels of a model can be. */
export interface ModelTruths {
  /** Class labels in the order of the outputs; empty for a regression. */
  readonly classes: readonly string[];
  /** Multi-label: what stands between the labels of a set. */
  readonly labelSeparator?: string | undefined;
  /** Multi-label: a label is predicted where its probability is above this. */
  readonly labelThreshold?: LabelThreshold | undefined;
}

/**
 * Whether a label can be the truth of a model: one of its classes, a set of them for a multi-label model, or a number where
 * there are none.
 */
export function labelFits(label: string, { classes, labelSeparator }: ModelTruths): boolean {
  if (labelSeparator !== undefined) return labelSet(label, { classes, labelSeparator }) !== undefined;
  return classes.length === 0 ? numberOf(label) !== undefined : classes.includes(label);
}

/** The labels that the truth about a row of a multi-label model names; undefined where one is none of its labels. */
export function labelSet(
  label: string,
  { classes, labelSeparator }: ModelTruths,
): ReadonlySet<string> | undefined {
  const labels = parseLabelSet(label, labelSeparator ?? '');
  return labels?.every((one) => classes.includes(one)) === true ? new Set(labels) : undefined;
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
  model: ModelTruths,
): { readonly metrics: Record<string, number>; readonly labelled: number; readonly unknownLabels: number } {
  const outputs = Math.max(1, model.classes.length);
  const labelled = rows.flatMap((row) =>
    row.truth === undefined ? [] : [{ truth: row.truth, outputs: row.outputs }],
  );
  const usable = labelled.filter((row) => row.outputs.length === outputs && labelFits(row.truth, model));
  const unknownLabels = labelled.length - usable.length;
  if (usable.length === 0) return { metrics: {}, labelled: 0, unknownLabels };
  const finite = Object.entries(metricsOf(usable, model)).filter(([, value]) => Number.isFinite(value));
  return { metrics: Object.fromEntries(finite), labelled: usable.length, unknownLabels };
}

function metricsOf(
  rows: readonly { readonly truth: string; readonly outputs: readonly number[] }[],
  model: ModelTruths,
): Readonly<Record<string, number>> {
  const { classes } = model;
  if (classes.length === 0) {
    return evaluateRegression({
      truth: rows.map((row) => numberOf(row.truth) ?? NaN),
      predictions: rows.map((row) => row.outputs[0] ?? NaN),
    }).metrics;
  }
  const probabilities = rows.flatMap((row) => row.outputs);
  if (model.labelSeparator === undefined) {
    const truth = rows.map((row) => classes.indexOf(row.truth));
    return evaluateClassification({ labels: classes, truth, probabilities }).metrics;
  }
  const truth = rows.flatMap((row) => {
    const labels = labelSet(row.truth, model);
    return classes.map((label) => (labels?.has(label) === true ? 1 : 0));
  });
  const threshold = model.labelThreshold ?? 0;
  return evaluateMultilabel({ labels: classes, truth, probabilities, threshold }).metrics;
}
