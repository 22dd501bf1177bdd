import { TerminalError } from '@rookery/contracts';
import type { TaskName } from '@rookery/contracts';
import {
  classLabels,
  classMetricNames,
  columnLength,
  findColumn,
  inferTask,
  labelMetricNames,
  missingCount,
  needsClasses,
  rawFeatures,
  readSplit,
  refuseTargetEncoders,
} from '@rookery/tabular';
import type { Column, Table } from '@rookery/tabular';

import { MAX_CLASSES, checkLabelSetFolds, checkLabelSets } from './check-label-sets.js';
import { listed } from './formats/parsed-table.js';
import { checkGateMetric } from './training-request.js';
import type { TrainingRequest } from './training-request.js';

/** What follows from the table and the request together. */
export interface CheckedTable {
  readonly task: TaskName;
  readonly features: readonly string[];
}

/**
 * Checks that a model can be learned from the table: the target exists, is never missing, has at least two values (or
 * labels) and fits the task; there is a feature, and none without any value; the folds fit the rows (and the smallest
 * class, where stratified); the preprocessing, the split and the weights name columns that suit; the gate's metric belongs to
 * the task. Throws the first fault with its code.
 */
export function checkTable(
  table: Table,
  request: TrainingRequest,
  dropped: readonly string[] = [],
): CheckedTable {
  const names = table.columns.map((column) => column.name);
  const targets = request.targets.map((name) => {
    const column = findColumn(table, name);
    if (column === undefined) throw targetMissing(name, [...names, ...dropped]);
    return column;
  });
  for (const column of targets) checkNoneMissing(column);
  const target = targets[0]!;
  const sets = request.labelSets.asked || inferredTask(target, request.task) === 'multilabel';
  if (!sets) checkNotConstant(target);
  checkReserved(table, request);
  const usable = featureColumns(table, request);
  const raw = request.preprocessing && rawFeatures(request.preprocessing, table, usable);
  const features = raw?.read ?? usable;
  if (sets) {
    if (raw !== undefined) refuseTargetEncoders(raw.branches);
    const labels = checkLabelSets(targets, table.rows, request);
    checkLabelSetFolds(table.rows, request);
    if (request.gateMetric !== undefined)
      checkGateMetric(request.gateMetric, 'multilabel', labelMetricNames(labels));
    return { task: 'multilabel', features };
  }
  const task = taskOf(target, request.task);
  if (request.labelSets.threshold !== undefined) throw thresholdWithout(task);
  checkFolds(table, target, task, request);
  checkClassWeight(target, task, request);
  if (request.gateMetric !== undefined) {
    const classes = task === 'regression' ? [] : classMetricNames(classLabels(target));
    checkGateMetric(request.gateMetric, task, classes);
  }
  return { task, features };
}

/** The task that the target itself says; undefined where one is given, or nothing can be predicted. */
function inferredTask(target: Column, given: TaskName | undefined): TaskName | undefined {
  if (given !== undefined || target.type === 'text' || classLabels(target).length < 2) return given;
  return inferTask(target).task;
}

function thresholdWithout(task: TaskName): TerminalError {
  return new TerminalError(
    'RK_REQUEST_INVALID',
    `label_threshold is given, but the target is that of a ${task} task, which has no sets of labels`,
    { details: { field: 'label_threshold', task } },
  );
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

function checkNoneMissing(target: Column): void {
  const rows = columnLength(target);
  const missing = missingCount(target);
  if (missing > 0) {
    throw new TerminalError(
      'RK_DATASET_TARGET_NULL',
      `${missing} of ${rows} rows have no value in the target ${JSON.stringify(target.name)}; the first is row ${firstMissing(target)}`,
      { details: { column: target.name, missing: String(missing), row: String(firstMissing(target)) } },
    );
  }
}

function checkNotConstant(target: Column): void {
  const rows = columnLength(target);
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
      !request.targets.includes(column.name) && !request.reserved.has(column.name) && column.type !== 'text',
  );
  if (features.length === 0) {
    throw new TerminalError(
      'RK_DATASET_NO_FEATURES',
      `Beside the target ${JSON.stringify(request.target)}, the ignored columns and free text no column is left`,
      { details: { target: request.target, columns: listed(table.columns.map((column) => column.name)) } },
    );
  }
  for (const column of features) {
    if (hasValue(column)) continue;
    throw new TerminalError(
      'RK_DATASET_COLUMN_EMPTY',
      `Column ${JSON.stringify(column.name)} has no value in any of the ${table.rows} rows`,
      { details: { column: column.name, rows: String(table.rows) } },
    );
  }
  return features.map((column) => column.name);
}

/** Whether any cell is not missing: most columns show it in their first row. */
function hasValue(column: Column): boolean {
  return column.type === 'numeric'
    ? column.values.some((value) => !Number.isNaN(value))
    : column.codes.some((code) => code >= 0);
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
  const counts = target.type === 'numeric' ? countsOfNumbers(target.values) : countsOfCodes(target.codes);
  const [value, count] = [...counts].reduce((least, entry) => (entry[1] < least[1] ? entry : least));
  return [target.type === 'numeric' ? String(value) : (target.categories[value] ?? ''), count];
}

/** Rows of each number, by first occurrence. */
function countsOfNumbers(values: Float64Array): Map<number, number> {
  const counts = new Map<number, number>();
  for (let row = 0; row < values.length; row++) counts.set(values[row]!, (counts.get(values[row]!) ?? 0) + 1);
  return counts;
}

/** Rows of each code that occurs, by first occurrence. */
function countsOfCodes(codes: Int32Array): Map<number, number> {
  const rows: number[] = [];
  const order: number[] = [];
  for (let row = 0; row < codes.length; row++) {
    const code = codes[row]!;
    const before = rows[code];
    if (before === undefined) order.push(code);
    rows[code] = (before ?? 0) + 1;
  }
  return new Map(order.map((code) => [code, rows[code]!]));
}
