import { TerminalError, thresholdsByLabel } from '@rookery/contracts';
import { encodeLabelSets, flagAt, labelSetNames, readSplit } from '@rookery/tabular';
import type { Column } from '@rookery/tabular';

import type { TrainingRequest } from './training-request.js';

/** A classification of more classes, or labels, than this is a number or an id that was taken for a class. */
export const MAX_CLASSES = 1000;

/** Most rows × labels: each is a float of every training thread, however short the texts of the sets are. */
const MAX_FLAGS = 100_000_000;

/**
 * The labels of a multi-label target, which must be learnable: columns of 0 and 1 (or true and false), or a column of sets;
 * at least two labels, each in some rows and not in all. Throws RK_DATASET_TARGET_TYPE naming column, row and value,
 * RK_DATASET_TARGET_CONSTANT naming the label, RK_DATASET_TOO_LARGE for more rows × labels than {@link MAX_FLAGS}, and
 * RK_WEIGHTS_INVALID for weights of classes, RK_REQUEST_INVALID for a threshold of a label that there is not.
 */
export function checkLabelSets(
  targets: readonly Column[],
  rows: number,
  request: TrainingRequest,
): readonly string[] {
  if (request.classWeight !== undefined) {
    throw new TerminalError(
      'RK_WEIGHTS_INVALID',
      'class_weight is given, but a multi-label row has no class of its own',
      {
        details: { field: 'class_weight' },
        hint: 'Weigh labels by positiveWeights in the model_spec, or rows by sample_weight.',
      },
    );
  }
  const { columns, separator, threshold } = request.labelSets;
  const target = targets[0]!;
  if (columns) for (const column of targets) checkFlags(column, rows);
  const labels = columns ? request.targets : namesOf(target, separator);
  if (labels.length < 2) {
    throw new TerminalError(
      'RK_DATASET_TARGET_CONSTANT',
      `The target ${JSON.stringify(target.name)} has ${labels.length === 0 ? 'no label' : `the label ${JSON.stringify(labels[0])} only`}: a multi-label task needs two or more`,
      {
        details: { column: target.name, labels: String(labels.length) },
        hint: `Labels stand between ${JSON.stringify(separator)}; name another label_separator if the file has one.`,
      },
    );
  }
  if (labels.length > MAX_CLASSES)
    throw unsuitable(
      target,
      `has ${labels.length} different labels: a multi-label task may have ${MAX_CLASSES}`,
    );
  if (typeof threshold === 'object') thresholdsByLabel(threshold, labels);
  if (labels.length * rows > MAX_FLAGS) throw tooManyFlags(target, labels.length, rows);
  const source = columns ? { columns: request.targets } : { column: target.name, separator };
  checkEachLabel(labels, encodeLabelSets({ labels, source }, { rows, columns: targets }));
  return labels;
}

/** The folds fit the rows, need no classes, and are enough to tune thresholds on. Throws RK_FOLDS_INVALID or RK_SPLIT_INVALID. */
export function checkLabelSetFolds(rows: number, request: TrainingRequest): void {
  const { folds } = request;
  const { kind } = readSplit(request.split, { folds, stratified: request.stratify });
  if (kind === 'stratified_group') {
    throw new TerminalError(
      'RK_SPLIT_INVALID',
      'A stratified_group split needs classes; sets of labels are none',
      {
        details: { field: 'split.kind', value: kind },
        hint: 'Use the kind group, or stratified.',
      },
    );
  }
  if (request.labelSets.threshold === 'tuned' && kind === 'hold_out') {
    throw new TerminalError(
      'RK_SPLIT_INVALID',
      'Thresholds of labels can not be tuned on a hold_out split: its metrics would be those of the rows they were tuned on',
      {
        details: { field: 'split.kind', value: kind },
        hint: 'Use folds, or give the thresholds as numbers.',
      },
    );
  }
  if ((kind === 'kfold' || kind === 'stratified') && folds > rows) {
    throw new TerminalError(
      'RK_FOLDS_INVALID',
      `${folds} folds need at least as many rows; there are ${rows}`,
      {
        details: { folds: String(folds), rows: String(rows) },
      },
    );
  }
}

function checkFlags(column: Column, rows: number): void {
  for (let row = 0; row < rows; row++) {
    if (flagAt(column, row) !== undefined) continue;
    const value =
      column.type === 'numeric' ? String(column.values[row]) : (column.categories[column.codes[row]!] ?? '');
    throw unsuitable(
      column,
      `is ${JSON.stringify(value.slice(0, 80))} in row ${row + 1}: the column of a label holds 0 and 1, or true and false`,
      { row: String(row + 1), value: value.slice(0, 80) },
    );
  }
}

/** The labels of a column of sets; RK_DATASET_TARGET_TYPE for a cell that is none. */
function namesOf(column: Column, separator: string): readonly string[] {
  try {
    return labelSetNames(column, separator);
  } catch (error) {
    const { details } = error as { details?: Record<string, string> };
    if (!(error instanceof Error) || details === undefined) throw error;
    const { row = '', value = '' } = details;
    throw unsuitable(column, `is ${JSON.stringify(value)} in row ${row}, which has an empty label`, {
      row,
      value,
    });
  }
}

function checkEachLabel(labels: readonly string[], flags: Float32Array): void {
  const rows = flags.length / labels.length;
  labels.forEach((label, k) => {
    let present = 0;
    for (let at = k; at < flags.length; at += labels.length) present += flags[at]!;
    if (present > 0 && present < rows) return;
    throw new TerminalError(
      'RK_DATASET_TARGET_CONSTANT',
      `The label ${JSON.stringify(label.slice(0, 80))} is in ${present === 0 ? 'none' : 'all'} of the ${rows} rows: there is nothing to learn`,
      { details: { label: label.slice(0, 80), rows: String(rows), present: String(present) } },
    );
  });
}

function tooManyFlags(column: Column, labels: number, rows: number): TerminalError {
  return new TerminalError(
    'RK_DATASET_TOO_LARGE',
    `${rows} rows of ${labels} labels are ${rows * labels} flags; the limit is ${MAX_FLAGS}`,
    {
      details: { column: column.name, labels: String(labels), rows: String(rows), limit: String(MAX_FLAGS) },
      hint: 'Publish fewer rows, or leave rare labels out.',
    },
  );
}

function unsuitable(column: Column, what: string, details: Record<string, string> = {}): TerminalError {
  return new TerminalError('RK_DATASET_TARGET_TYPE', `The target ${JSON.stringify(column.name)} ${what}`, {
    details: { column: column.name, type: column.type, task: 'multilabel', ...details },
  });
}
