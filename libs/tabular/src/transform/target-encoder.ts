import { classLabels } from '../table/infer-task.js';
import type { Task } from '../table/infer-task.js';
import { allRows, columnByName, columnLength } from '../table/table.js';
import type { Column, RowIndices, Table } from '../table/table.js';
import { TabularError } from '../tabular-error.js';
import { meanAndScale } from './fit-transformer.js';
import { DEFAULT_LABEL_THRESHOLD, encodeLabelSets } from './label-sets.js';
import type { LabelSetEncoder, LabelSetSource, LabelThreshold } from './label-sets.js';

/** How a target becomes numbers: plain JSON. */
export interface TargetEncoder {
  readonly version: 1;
  readonly column: string;
  readonly task: Task;
  /** Class labels in the order of their codes (multi-label: of the outputs); empty for regression. */
  readonly labels: readonly string[];
  /** Regression: encoded = (value − mean) / scale. 0 and 1 without scaling and for classification. */
  readonly mean: number;
  readonly scale: number;
  /** Multi-label: where the labels are. */
  readonly source?: LabelSetSource;
  /** Multi-label: a label is predicted where its probability is above this; 'tuned': yet to be chosen on held-out rows. */
  readonly threshold?: LabelThreshold | 'tuned';
}

export interface FitTargetOptions {
  /** Labels to use instead of those of the rows: pass those of the whole data set, so that all folds agree. */
  readonly labels?: readonly string[];
  /** Regression: standardise the target. Default false. */
  readonly standardise?: boolean;
}

/**
 * Fit the target on these rows. Labels are sorted: numbers by size, strings by code point. Throws
 * RK_TABULAR_TARGET_INVALID where classification has fewer than two labels (binary: not two), or regression a
 * target that is not numeric or has no value.
 */
export function fitTarget(
  column: Column,
  rows: RowIndices,
  task: Task,
  options: FitTargetOptions = {},
): TargetEncoder {
  if (task === 'multilabel') throw invalid(column, 'holds sets of labels: fit them with labelSetTarget');
  if (task !== 'regression') {
    const labels = options.labels ?? classLabels(column, rows);
    if (labels.length < 2 || (task === 'binary' && labels.length !== 2)) {
      throw invalid(column, `has ${labels.length} classes, which does not suit a ${task} task`);
    }
    return { version: 1, column: column.name, task, labels: [...labels], mean: 0, scale: 1 };
  }
  if (column.type !== 'numeric')
    throw invalid(column, `is ${column.type}, but regression needs a numeric target`);
  const values = new Float64Array(rows.length);
  let n = 0;
  for (let i = 0; i < rows.length; i++) {
    const value = column.values[rows[i]!]!;
    if (Number.isFinite(value)) values[n++] = value;
  }
  if (n === 0) throw invalid(column, 'has no value in the rows given');
  const { mean, scale } =
    options.standardise === true ? meanAndScale(values.subarray(0, n), column.name) : { mean: 0, scale: 1 };
  return { version: 1, column: column.name, task, labels: [], mean, scale };
}

/** The encoder of sets of labels; `name` is what the target as a whole is called. */
export function labelSetTarget(
  name: string,
  labels: readonly string[],
  source: LabelSetSource,
  threshold: LabelThreshold | 'tuned' = DEFAULT_LABEL_THRESHOLD,
): TargetEncoder {
  return {
    version: 1,
    column: name,
    task: 'multilabel',
    labels: [...labels],
    mean: 0,
    scale: 1,
    source,
    threshold,
  };
}

/** Above which probability labels are predicted; the default where thresholds are yet to be chosen. */
export function labelThreshold({ threshold }: Pick<TargetEncoder, 'threshold'>): LabelThreshold {
  return threshold === undefined || threshold === 'tuned' ? DEFAULT_LABEL_THRESHOLD : threshold;
}

/** Where the encoder of a multi-label target finds its labels; throws RK_TABULAR_ARGUMENT_INVALID for any other encoder. */
export function labelSetsOf({ task, labels, source }: TargetEncoder): LabelSetEncoder {
  if (source !== undefined) return { labels, source };
  throw new TabularError(
    'RK_TABULAR_ARGUMENT_INVALID',
    `The target of a ${task} task has no sets of labels.`,
  );
}

/**
 * The target of these rows (default: all), as a trainer takes it: as {@link encodeTarget}, or for sets of labels
 * Float32Array of rows × labels.
 */
export function encodeTargets(
  encoder: TargetEncoder,
  table: Table,
  rows?: RowIndices,
): Int32Array | Float32Array {
  return encoder.task === 'multilabel'
    ? encodeLabelSets(labelSetsOf(encoder), table, rows)
    : encodeTarget(encoder, columnByName(table, encoder.column), rows);
}

/**
 * Encoded target of these rows (default: all), one number a row: Int32Array of class codes (−1 where missing
 * or an unknown label), or Float32Array of numbers for regression (NaN where missing).
 */
export function encodeTarget(
  encoder: TargetEncoder,
  column: Column,
  rows?: RowIndices,
): Int32Array | Float32Array {
  if (encoder.task !== 'regression') return encodeLabels(encoder, column, rows);
  const picked = rows ?? allRows(columnLength(column));
  if (column.type !== 'numeric')
    throw invalid(column, `is ${column.type}, but regression needs a numeric target`);
  const out = new Float32Array(picked.length);
  for (let i = 0; i < out.length; i++) {
    const value = column.values[picked[i]!]!;
    out[i] = Number.isFinite(value) ? (value - encoder.mean) / encoder.scale : NaN;
  }
  return out;
}

/** Class codes of these rows (default: all); −1 where missing or an unknown label. */
export function encodeLabels(encoder: TargetEncoder, column: Column, rows?: RowIndices): Int32Array {
  const picked = rows ?? allRows(columnLength(column));
  const position = new Map(encoder.labels.map((label, i) => [label, i]));
  const out = new Int32Array(picked.length);
  if (column.type === 'numeric') {
    for (let i = 0; i < out.length; i++) {
      const value = column.values[picked[i]!]!;
      out[i] = Number.isNaN(value) ? -1 : (position.get(String(value)) ?? -1);
    }
    return out;
  }
  const codes = column.categories.map((category) => position.get(category) ?? -1);
  for (let i = 0; i < out.length; i++) {
    const code = column.codes[picked[i]!]!;
    out[i] = code < 0 ? -1 : codes[code]!;
  }
  return out;
}

/** A regression output in the unit of the target. */
export function decodeNumber(encoder: TargetEncoder, encoded: number): number {
  return encoded * encoder.scale + encoder.mean;
}

/** Unscaled numbers of a regression target (NaN where missing), for metrics. */
export function targetNumbers(column: Column, rows?: RowIndices): Float64Array {
  if (column.type !== 'numeric')
    throw invalid(column, `is ${column.type}, but regression needs a numeric target`);
  const picked = rows ?? allRows(column.values.length);
  const out = new Float64Array(picked.length);
  for (let i = 0; i < out.length; i++) out[i] = column.values[picked[i]!]!;
  return out;
}

function invalid(column: Column, what: string): TabularError {
  return new TabularError('RK_TABULAR_TARGET_INVALID', `Target column "${column.name}" ${what}.`, {
    column: column.name,
  });
}
