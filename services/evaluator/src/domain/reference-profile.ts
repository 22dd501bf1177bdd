import { thresholdOf } from '@rookery/contracts';
import type {
  ReferenceColumn as ReferenceColumnMessage,
  ReferenceProfile,
} from '@rookery/proto/rookery/artifacts/v1/artifacts';
import { ColumnType } from '@rookery/proto/rookery/domain/v1/data';
import type { MetricSummary, Signature } from '@rookery/proto/rookery/domain/v1/data';
import {
  buildReferenceColumn,
  columnByName,
  encodeLabels,
  encodeTargets,
  thresholdAt,
} from '@rookery/tabular';
import type { Column, LabelThreshold, Table, TargetEncoder } from '@rookery/tabular';

/** Where a column of the reference comes from. */
export type ReferenceRole = 'feature' | 'target' | 'prediction';

/** What a reference profile is made of. */
export interface ReferenceInput {
  readonly model: string;
  readonly runId: string;
  readonly table: Table;
  readonly signature: Signature;
  readonly encoder: TargetEncoder;
  /** Outputs of the folds for the rows that their networks had not seen, row-major. */
  readonly outputs: readonly Float32Array[];
  readonly metrics: Readonly<Record<string, MetricSummary>>;
}

/**
 * The compact description of the training data that the monitor compares production with: features and target as they
 * were trained on, predictions as the folds made them for their held-out rows, and the mean metrics. The target of a
 * classification is a column of class labels, also where the table has numbers: predictions and labels are labels too. A
 * multi-label target is a column of true and false for each of its labels, and so are its predictions.
 */
export function referenceProfile(input: ReferenceInput): ReferenceProfile {
  const { signature, table } = input;
  return {
    model: input.model,
    runId: input.runId,
    rows: table.rows,
    columns: [
      ...signature.features.map(({ name }) => referenceColumn(columnByName(table, name), 'feature')),
      ...targetColumns(input).map((column) => referenceColumn(column, 'target')),
      ...predictionColumns(input).map((column) => referenceColumn(column, 'prediction')),
    ],
    baseline: Object.fromEntries(Object.entries(input.metrics).map(([name, { mean }]) => [name, mean])),
    task: signature.task,
    classes: [...signature.classes],
    labelSeparator: signature.labelSeparator,
    labelThreshold: signature.labelThreshold,
    labelThresholds: [...signature.labelThresholds],
  };
}

/** Labels that are watched one by one: reports and events would grow with more. */
const mostLabelsWatched = 50;

function targetColumns({ table, signature, encoder }: ReferenceInput): Column[] {
  if (encoder.task !== 'multilabel') return [targetColumn(table, signature)];
  return flagColumns(signature.classes, [encodeTargets(encoder, table)], 0);
}

function predictionColumns({ signature, encoder, outputs }: ReferenceInput): Column[] {
  const { target, classes } = signature;
  if (encoder.task !== 'multilabel') return [predictionColumn(target, classes, outputs)];
  return flagColumns(classes, outputs, thresholdOf(signature));
}

/** A column of true and false for each label: whether its value of a row is above its threshold. */
function flagColumns(
  labels: readonly string[],
  parts: readonly ArrayLike<number>[],
  threshold: LabelThreshold,
): Column[] {
  const width = labels.length;
  const rows = parts.reduce((sum, part) => sum + part.length / width, 0);
  return labels.slice(0, mostLabelsWatched).map((name, k) => {
    const codes = new Int32Array(rows);
    const above = thresholdAt(threshold, k);
    let row = 0;
    for (const part of parts)
      for (let at = k; at < part.length; at += width) codes[row++] = part[at]! > above ? 1 : 0;
    return { name, type: 'boolean', codes, categories: ['false', 'true'] };
  });
}

function targetColumn(table: Table, { target, classes }: Signature): Column {
  const column = columnByName(table, target);
  if (classes.length === 0 || column.type !== 'numeric') return column;
  const encoder = {
    version: 1,
    column: target,
    task: 'multiclass',
    labels: classes,
    mean: 0,
    scale: 1,
  } as const;
  return { name: target, type: 'categorical', codes: encodeLabels(encoder, column), categories: classes };
}

function referenceColumn(column: Column, role: ReferenceRole): ReferenceColumnMessage {
  const reference = buildReferenceColumn(column);
  const empty = { values: [], counts: [], exact: true, categories: [], categoryCounts: [] };
  const head = { name: column.name, role, missing: reference.missing, present: reference.n };
  return reference.type === 'numeric'
    ? {
        ...head,
        ...empty,
        type: ColumnType.COLUMN_TYPE_NUMERIC,
        values: Array.from(reference.values),
        counts: Array.from(reference.counts),
        exact: reference.exact,
      }
    : {
        ...head,
        ...empty,
        type: column.type === 'boolean' ? ColumnType.COLUMN_TYPE_BOOLEAN : ColumnType.COLUMN_TYPE_CATEGORICAL,
        categories: [...reference.categories],
        categoryCounts: Array.from(reference.counts),
      };
}

/** Predictions of all held-out rows as one column: the most probable class of each row, or the numbers. */
function predictionColumn(
  target: string,
  classes: readonly string[],
  outputs: readonly Float32Array[],
): Column {
  if (classes.length === 0) {
    const values = new Float64Array(outputs.reduce((sum, part) => sum + part.length, 0));
    let at = 0;
    for (const part of outputs) {
      values.set(part, at);
      at += part.length;
    }
    return { name: target, type: 'numeric', values };
  }
  const width = classes.length;
  const codes = new Int32Array(outputs.reduce((sum, part) => sum + part.length / width, 0));
  let row = 0;
  for (const part of outputs) {
    for (let offset = 0; offset < part.length; offset += width, row++) {
      let best = 0;
      for (let k = 1; k < width; k++) if ((part[offset + k] ?? 0) > (part[offset + best] ?? 0)) best = k;
      codes[row] = best;
    }
  }
  return { name: target, type: 'categorical', codes, categories: classes };
}
