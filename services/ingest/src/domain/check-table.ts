import { TerminalError } from '@rookery/contracts';
import type { TaskName } from '@rookery/contracts';
import { classLabels, columnLength, findColumn, inferTask, missingCount } from '@rookery/tabular';
import type { Column, Table } from '@rookery/tabular';

import { listed } from './formats/parsed-table.js';
import { checkGateMetric } from './training-request.js';
import type { TrainingRequest } from './training-request.js';

/** A classification of more classes than this is a number or an id that was taken for a class. */
const MAX_CLASSES = 1000;

/** What follows from the table and the request together. */
export interface CheckedTable {
  readonly task: TaskName;
  readonly features: readonly string[];
}

/**
 * Checks that a model can be learned from the table: the target exists, is never missing, has at least two values
 * and fits the task; there is a feature, and none without any value; the folds fit the rows (and the smallest
 * class, where stratified); the gate's metric belongs to the task. Throws the first fault with its code.
 */
export function checkTable(
  table: Table,
  request: TrainingRequest,
  dropped: readonly string[] = [],
): CheckedTable {
  const names = table.columns.map((column) => column.name);
  const target = findColumn(table, request.target);
  if (target === undefined) throw targetMissing(request.target, [...names, ...dropped]);
  checkTargetValues(target);
  const features = featureColumns(table, request);
  const task = taskOf(target, request.task);
  checkFolds(table, target, task, request);
  if (request.gateMetric !== undefined) checkGateMetric(request.gateMetric, task);
  return { task, features };
}

function targetMissing(target: string, names: readonly string[]): TerminalError {
  const near = names.find((name) => name.trim().toLowerCase() === target.trim().toLowerCase());
  const meant = near === undefined ? '' : `; did you mean ${JSON.stringify(near)}?`;
  return new TerminalError(
    'RK_DATASET_TARGET_MISSING',
    `There is no column ${JSON.stringify(target)} to predict${meant}; the columns are: ${listed(names)}`,
    { details: { field: 'target', value: target, columns: listed(names) } },
  );
}

function checkTargetValues(target: Column): void {
  const rows = columnLength(target);
  const missing = missingCount(target);
  if (missing > 0) {
    throw new TerminalError(
      'RK_DATASET_TARGET_NULL',
      `${missing} of ${rows} rows have no value in the target ${JSON.stringify(target.name)}; the first is row ${firstMissing(target)}`,
      { details: { column: target.name, missing: String(missing), row: String(firstMissing(target)) } },
    );
  }
  const labels = classLabels(target);
  if (labels.length < 2) {
    throw new TerminalError(
      'RK_DATASET_TARGET_CONSTANT',
      `The target ${JSON.stringify(target.name)} is ${JSON.stringify(labels[0] ?? '')} in all ${rows} rows: there is nothing to learn`,
      { details: { column: target.name, value: labels[0] ?? '', rows: String(rows) } },
    );
  }
}

/** Row (from 1) of the first missing cell. */
function firstMissing(column: Column): number {
  const at =
    column.type === 'numeric'
      ? column.values.findIndex((value) => Number.isNaN(value))
      : column.codes.findIndex((code) => code < 0);
  return at + 1;
}

function featureColumns(table: Table, request: TrainingRequest): string[] {
  const features = table.columns.filter(
    (column) => column.name !== request.target && !request.ignore.has(column.name) && column.type !== 'text',
  );
  if (features.length === 0) {
    throw new TerminalError(
      'RK_DATASET_NO_FEATURES',
      `Beside the target ${JSON.stringify(request.target)}, the ignored columns and free text no column is left`,
      { details: { target: request.target, columns: listed(table.columns.map((column) => column.name)) } },
    );
  }
  for (const column of features) {
    if (missingCount(column) < table.rows) continue;
    throw new TerminalError(
      'RK_DATASET_COLUMN_EMPTY',
      `Column ${JSON.stringify(column.name)} has no value in any of the ${table.rows} rows`,
      { details: { column: column.name, rows: String(table.rows) } },
    );
  }
  return features.map((column) => column.name);
}

function taskOf(target: Column, wanted: TaskName | undefined): TaskName {
  const refuse = (why: string): never => {
    throw new TerminalError('RK_DATASET_TARGET_TYPE', `The target ${JSON.stringify(target.name)} ${why}`, {
      details: { column: target.name, type: target.type, ...(wanted === undefined ? {} : { task: wanted }) },
    });
  };
  if (target.type === 'text') return refuse('is free text, which can not be predicted');
  const task = wanted ?? inferTask(target).task;
  if (task === 'regression') {
    return target.type === 'numeric' ? task : refuse(`is ${target.type}: a regression needs numbers`);
  }
  const classes = classLabels(target).length;
  if (task === 'binary' && classes !== 2) refuse(`has ${classes} values: a binary task needs two`);
  if (classes > MAX_CLASSES)
    refuse(`has ${classes} different values: a classification may have ${MAX_CLASSES}`);
  return task;
}

function checkFolds(table: Table, target: Column, task: TaskName, request: TrainingRequest): void {
  const { folds } = request;
  const fail = (what: string, details: Record<string, string>): never => {
    throw new TerminalError('RK_FOLDS_INVALID', `${folds} folds ${what}`, {
      details: { folds: String(folds), ...details },
    });
  };
  if (folds > table.rows)
    fail(`need at least as many rows; there are ${table.rows}`, { rows: String(table.rows) });
  if (task === 'regression' || !request.stratify) return;
  const [label, count] = smallestClass(target);
  if (folds > count) {
    fail(
      `need ${folds} rows of each class where they are stratified; ${JSON.stringify(label)} has ${count} (of ${table.rows})`,
      { class: label, rows: String(count) },
    );
  }
}

function smallestClass(target: Column): [string, number] {
  const counts = new Map<string | number, number>();
  for (const value of target.type === 'numeric' ? target.values : target.codes) {
    counts.set(value, (counts.get(value) ?? 0) + 1);
  }
  const [value, count] = [...counts].reduce((least, entry) => (entry[1] < least[1] ? entry : least));
  return [target.type === 'numeric' ? String(value) : (target.categories[value as number] ?? ''), count];
}
