import { TerminalError } from '@rookery/contracts';
import type { TaskName } from '@rookery/contracts';
import {
  classLabels,
  classMetricNames,
  columnLength,
  findColumn,
  inferTask,
  missingCount,
  needsClasses,
  rawFeatures,
  readSplit,
} from '@rookery/tabular';
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
 * class, where stratified); the preprocessing, the split and the weights name columns that suit; the gate's metric belongs to
 * the task. Throws the first fault with its code.
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
  checkReserved(table, request);
  const usable = featureColumns(table, request);
  const features =
    request.preprocessing === undefined ? usable : rawFeatures(request.preprocessing, table, usable).read;
  const task = taskOf(target, request.task);
  checkFolds(table, target, task, request);
  checkClassWeight(target, task, request);
  if (request.gateMetric !== undefined) {
    const classes = task === 'regression' ? [] : classMetricNames(classLabels(target));
    checkGateMetric(request.gateMetric, task, classes);
  }
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

/** The columns that divide or weigh the rows are there, whole, and weights are numbers of at least 0. */
function checkReserved(table: Table, request: TrainingRequest): void {
  const { split, sampleWeight } = request;
  const named: readonly (readonly [string, string | undefined])[] = [
    ['split.group', split?.group],
    ['split.time', split?.time],
    ['sample_weight', sampleWeight],
  ];
  for (const [field, name] of named) {
    if (name === undefined || name === '') continue;
    const code = field === 'sample_weight' ? 'RK_WEIGHTS_INVALID' : 'RK_SPLIT_INVALID';
    const fail = (what: string): never => {
      throw new TerminalError(code, `${field} names ${JSON.stringify(name)}, ${what}`, {
        details: { field, column: name },
      });
    };
    const column = findColumn(table, name);
    if (column === undefined)
      return fail(`which is no column; the columns are: ${listed(table.columns.map((one) => one.name))}`);
    const missing = missingCount(column);
    if (missing > 0) fail(`which has no value in ${missing} of ${table.rows} rows`);
    if (field !== 'sample_weight') continue;
    if (column.type !== 'numeric') return fail(`which is ${column.type}: weights are numbers`);
    const row = column.values.findIndex((weight) => !(weight >= 0 && weight < Infinity));
    if (row >= 0) fail(`which is ${column.values[row]} in row ${row + 1}: weights are at least 0`);
  }
}

function checkClassWeight(target: Column, task: TaskName, { classWeight }: TrainingRequest): void {
  if (classWeight === undefined) return;
  const fail = (what: string, field: string): never => {
    throw new TerminalError('RK_WEIGHTS_INVALID', `class_weight ${what}`, { details: { field } });
  };
  if (task === 'regression') fail('is given, but a regression has no classes', 'class_weight');
  if (classWeight === 'balanced') return;
  const labels = classLabels(target);
  const stranger = Object.keys(classWeight).find((label) => !labels.includes(label));
  if (stranger !== undefined)
    fail(`names ${JSON.stringify(stranger)}; the classes are: ${listed(labels)}`, `class_weight.${stranger}`);
}

function featureColumns(table: Table, request: TrainingRequest): string[] {
  const features = table.columns.filter(
    (column) =>
      column.name !== request.target && !request.reserved.has(column.name) && column.type !== 'text',
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
  const split = readSplit(request.split, { folds, stratified: task !== 'regression' && request.stratify });
  if (split.kind !== 'kfold' && split.kind !== 'stratified') {
    if (task === 'regression' && needsClasses(split.kind)) {
      throw new TerminalError(
        'RK_SPLIT_INVALID',
        `A ${split.kind} split needs classes; a regression has none`,
        {
          details: { field: 'split.kind', value: split.kind },
        },
      );
    }
    return;
  }
  const fail = (what: string, details: Record<string, string>): never => {
    throw new TerminalError('RK_FOLDS_INVALID', `${folds} folds ${what}`, {
      details: { folds: String(folds), ...details },
    });
  };
  if (folds > table.rows)
    fail(`need at least as many rows; there are ${table.rows}`, { rows: String(table.rows) });
  if (split.kind !== 'stratified') return;
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
