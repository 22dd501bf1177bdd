import {
  asksForLabelSets,
  columnTypeFromProto,
  isKey,
  readClassWeight,
  requireKey,
  reservedColumns,
  targetColumns,
  targetName,
  taskFromProto,
  TerminalError,
} from '@rookery/contracts';
import type { ClassWeight, ErrorCode, TaskName } from '@rookery/contracts';
import type { DatasetReady } from '@rookery/proto/rookery/events/v1/dataset';
import { DEFAULT_MISSING_TOKENS, readPreprocessing, readSplit } from '@rookery/tabular';
import type { ColumnType, GivenSplit, PreprocessingSpec } from '@rookery/tabular';

import { formatOfWord } from './formats/dataset-format.js';
import type { DatasetFormat } from './formats/dataset-format.js';
import { classMetric, gateMetrics } from './gate-metrics.js';
import { checkLabelSetFields, labelColumnOf } from './label-set-request.js';
import type { RequestedLabelSets } from './label-set-request.js';

/** Folds of the cross-validation where the event names no number. */
export const DEFAULT_FOLDS = 5;

/** What ml.dataset.ready asks for, checked as far as that is possible without the file. */
export interface TrainingRequest {
  readonly name: string;
  readonly uri: string;
  /** What the target is called as a whole. */
  readonly target: string;
  /** The column to predict, or the columns of a multi-label task. */
  readonly targets: readonly string[];
  /** How a multi-label target is read and predicted; what is not given has its default. */
  readonly labelSets: RequestedLabelSets;
  /** For the readers: the column that may hold lists of labels. */
  readonly labelColumn: { readonly name: string; readonly text: boolean } | undefined;
  readonly format: DatasetFormat | undefined;
  /** Lower-case; undefined where none is expected. */
  readonly sha256: string | undefined;
  readonly columnTypes: Readonly<Record<string, ColumnType>>;
  readonly missingTokens: readonly string[];
  readonly ignore: ReadonlySet<string>;
  readonly task: TaskName | undefined;
  readonly folds: number;
  readonly stratify: boolean;
  readonly gateMetric: string | undefined;
  /** Undefined: the standard transformer. */
  readonly preprocessing: PreprocessingSpec | undefined;
  readonly split: GivenSplit | undefined;
  readonly classWeight: ClassWeight | undefined;
  /** Column with the weight of each row. */
  readonly sampleWeight: string | undefined;
  /** Columns that are no features: ignored ones, and those that divide or weigh the rows. */
  readonly reserved: ReadonlySet<string>;
}

/**
 * Checks the fields of ml.dataset.ready that can be judged without the file and gives them with their defaults.
 * Throws the first fault: RK_MESSAGE_MISSING_FIELD, RK_KEY_INVALID, RK_DATASET_FORMAT, RK_REQUEST_INVALID, RK_FOLDS_INVALID,
 * RK_GATE_INVALID, RK_SPEC_INVALID (epochs, batch size, learning rate), RK_PREPROCESSING_INVALID, RK_SPLIT_INVALID or
 * RK_WEIGHTS_INVALID, each with the field's name in `details`.
 */
export function checkRequest(ready: DatasetReady): TrainingRequest {
  for (const field of ['name', 'uri', 'target'] as const) {
    if (ready[field].trim() === '' && !(field === 'target' && ready.targets.length > 0)) {
      fail('RK_MESSAGE_MISSING_FIELD', field, '', 'is missing or empty', {
        hint: 'Give name, uri and target (or targets): {"name":"penguins","uri":"file:///…/penguins.csv","target":"species"}.',
      });
    }
  }
  requireKey(ready.name, 'name');
  if (ready.model !== '') requireKey(ready.model, 'model');
  const sha256 = ready.sha256.toLowerCase();
  if (sha256 !== '' && !/^[0-9a-f]{64}$/.test(sha256)) {
    fail('RK_REQUEST_INVALID', 'sha256', ready.sha256, 'is no sha256 of 64 hexadecimal digits');
  }
  const ignore = new Set(ready.ignore);
  const reserved = reservedColumns(ready);
  const labelSets = checkLabelSetFields(ready);
  checkTargets(ready, ignore, reserved);
  const task = taskFromProto(ready.task);
  checkGate(ready, task);
  checkTraining(ready);
  return {
    name: ready.name,
    uri: ready.uri,
    target: targetName(ready),
    targets: targetColumns(ready),
    labelSets,
    labelColumn: labelColumnOf(ready),
    format: formatOfWord(ready.format),
    sha256: sha256 === '' ? undefined : sha256,
    columnTypes: givenTypes(ready),
    missingTokens: ready.missingTokens.length === 0 ? DEFAULT_MISSING_TOKENS : ready.missingTokens,
    ignore,
    task,
    folds: ready.folds ?? DEFAULT_FOLDS,
    stratify: ready.stratify ?? true,
    gateMetric: ready.gate === undefined || ready.gate.metric === '' ? undefined : ready.gate.metric,
    ...checkedParts(ready),
    reserved,
  };
}

/** The parts of the request that have readers of their own. */
function checkedParts(
  ready: DatasetReady,
): Pick<TrainingRequest, 'preprocessing' | 'split' | 'classWeight' | 'sampleWeight'> {
  // Whether the folds are stratified is not known before the task is; the fields can be judged now.
  readSplit(ready.split, { folds: ready.folds ?? DEFAULT_FOLDS, stratified: false });
  return {
    preprocessing: readPreprocessing(ready.preprocessing),
    split: ready.split,
    classWeight: readClassWeight(ready.classWeight),
    sampleWeight: ready.sampleWeight === '' ? undefined : ready.sampleWeight,
  };
}

/** The key of the events about a data set: its name, or `unnamed` where that can not be a key. */
export function datasetKey(name: string): string {
  return isKey(name) ? name : 'unnamed';
}

function checkGate(ready: DatasetReady, task: TaskName | undefined): void {
  if (ready.gate === undefined) return;
  const { metric, threshold } = ready.gate;
  if (threshold !== undefined && !Number.isFinite(threshold)) {
    fail('RK_GATE_INVALID', 'gate.threshold', String(threshold), 'is no finite number');
  }
  if (metric !== '') checkGateMetric(metric, task);
}

/**
 * Throws RK_GATE_INVALID, listing the metrics, where no task (or not this one) has the metric. `classes`: the metrics of
 * single classes, where they are known.
 */
export function checkGateMetric(
  metric: string,
  task: TaskName | undefined,
  classes?: readonly string[],
): void {
  const general = task === undefined ? [...new Set(Object.values(gateMetrics).flat())] : gateMetrics[task];
  const known = [...general, ...(classes ?? [])];
  if (known.includes(metric)) return;
  if (classes === undefined && task !== 'regression' && classMetric.test(metric)) return;
  const which = task === undefined ? '' : ` of a ${task} task`;
  const list = known.join(', ');
  fail('RK_GATE_INVALID', 'gate.metric', metric, `is no metric${which}; there are: ${list}`, {
    details: { metrics: list },
  });
}

function checkTraining(ready: DatasetReady): void {
  if (ready.folds !== undefined && ready.folds < 2) {
    fail('RK_FOLDS_INVALID', 'folds', String(ready.folds), 'is too few: cross-validation needs at least 2');
  }
  const within = (field: string, value: number | undefined, most: number): void => {
    if (value === undefined || (Number.isInteger(value) && value >= 1 && value <= most)) return;
    fail('RK_SPEC_INVALID', field, String(value), `is out of range: use 1 to ${most}`);
  };
  within('epochs', ready.epochs, 100_000);
  within('batch_size', ready.batchSize, 1_000_000);
  const rate = ready.learningRate;
  if (rate !== undefined && !(rate > 0 && rate < 100)) {
    fail(
      'RK_SPEC_INVALID',
      'learning_rate',
      String(rate),
      'is out of range: use more than 0 and less than 100',
    );
  }
}

function checkTargets(ready: DatasetReady, ignore: ReadonlySet<string>, reserved: ReadonlySet<string>): void {
  const field = ready.targets.length > 0 ? 'targets' : 'target';
  for (const target of targetColumns(ready)) {
    if (ignore.has(target))
      fail('RK_REQUEST_INVALID', 'ignore', target, 'names the target, which can not be left out');
    const type = givenTypes(ready)[target];
    if (type === 'text' && !(field === 'target' && asksForLabelSets(ready))) {
      const what = 'makes the target free text, which can not be predicted';
      fail('RK_DATASET_TARGET_TYPE', 'column_types', target, what);
    }
    if (reserved.has(target))
      fail('RK_REQUEST_INVALID', field, target, 'divides or weighs the rows: it can not be predicted too');
  }
}

function givenTypes(ready: DatasetReady): Record<string, ColumnType> {
  const types: [string, ColumnType][] = [];
  for (const [column, value] of Object.entries(ready.columnTypes)) {
    const type = columnTypeFromProto(value);
    if (type !== undefined) types.push([column, type]);
  }
  return Object.fromEntries(types);
}

function fail(
  code: ErrorCode,
  field: string,
  value: string,
  what: string,
  more: { hint?: string; details?: Record<string, string> } = {},
): never {
  const shown = value.slice(0, 80);
  const subject = value === '' ? `The field ${field}` : `${field} ${JSON.stringify(shown)}`;
  throw new TerminalError(code, `${subject} ${what}`, {
    details: { field, value: shown, ...more.details },
    ...(more.hint === undefined ? {} : { hint: more.hint }),
  });
}
