import {
  TerminalError,
  asksForLabelSets,
  columnTypeToProto,
  readClassWeight,
  readLabelThreshold,
  requireKey,
  reservedColumns,
  targetColumns,
  targetName,
  taskFromProto,
  taskToProto,
  thresholdsByLabel,
} from '@rookery/contracts';
import type { ClassWeight, TaskName } from '@rookery/contracts';
import { defaultSpec, networkTask, validateSpec } from '@rookery/nn/spec';
import type { ModelSpec } from '@rookery/nn/spec';
import type { ModelProblem } from '@rookery/plugin';
import type { Gate, Signature } from '@rookery/proto/rookery/domain/v1/data';
import { ColumnType } from '@rookery/proto/rookery/domain/v1/data';
import type { DatasetReady } from '@rookery/proto/rookery/events/v1/dataset';
import {
  DEFAULT_LABEL_SEPARATOR,
  DEFAULT_LABEL_THRESHOLD,
  classLabels,
  columnByName,
  foldCount,
  inferTask,
  labelSetNames,
  needsClasses,
  rawFeatures,
  readPreprocessing,
  readSplit,
  refuseTargetEncoders,
} from '@rookery/tabular';
import type {
  FeatureRange,
  LabelSetSource,
  LabelThreshold,
  PreprocessingSpec,
  SplitSpec,
  Table,
} from '@rookery/tabular';

/** Folds where the request names none. */
export const defaultFolds = 5;

/** Mean accuracy that a model needs where the request names no gate. */
export const defaultAccuracy = 0.7;

/** Where the labels of a multi-label task are, and how sets of them are predicted and written. */
export interface LabelSetSettings {
  readonly source: LabelSetSource;
  readonly separator: string;
  readonly threshold: LabelThreshold | 'tuned';
}

/** What a request means for its data set: every default filled in. */
export interface RunSettings {
  readonly model: string;
  readonly task: TaskName;
  /** Classes, or for a multi-label task the labels, in the order of the outputs. */
  readonly labels: readonly string[];
  /** Of a multi-label task. */
  readonly labelSets: LabelSetSettings | undefined;
  /** Columns that the model reads. */
  readonly features: readonly string[];
  /** Columns that its steps may read as they are: those that the preprocessing drops too, without those that only plug-ins take. */
  readonly usable: readonly string[];
  /** All of them, repetitions included. */
  readonly folds: number;
  readonly stratified: boolean;
  readonly split: SplitSpec;
  readonly gate: Gate;
  /** Undefined: the standard transformer. */
  readonly preprocessing: PreprocessingSpec | undefined;
  readonly classWeight: ClassWeight | undefined;
  /** Column with the weight of each row; '' for none. */
  readonly weightColumn: string;
}

/**
 * Fills in every default of a request against its data set. Features are all columns but the target, the ignored ones,
 * text, those without any value, those that divide or weigh the rows, and those that the preprocessing drops. Throws
 * RK_DATASET_NO_FEATURES, RK_TABULAR_COLUMN_MISSING (no such target), RK_KEY_INVALID (model name),
 * RK_PREPROCESSING_INVALID, RK_SPLIT_INVALID, RK_WEIGHTS_INVALID or what the task inference throws.
 */
export function settleRequest(request: DatasetReady, table: Table): RunSettings {
  const { task, labels, labelSets } = settleTarget(request, table);
  const ignored = new Set([...reservedColumns(request), ...targetColumns(request)]);
  const usable = table.columns
    .filter((column) => !ignored.has(column.name) && column.type !== 'text')
    .filter((column) => hasValue(column))
    .map((column) => column.name);
  if (usable.length === 0) {
    throw new TerminalError(
      'RK_DATASET_NO_FEATURES',
      `${request.name} has no column to learn ${targetName(request)} from`,
      {
        details: { dataset: request.name, target: targetName(request) },
      },
    );
  }
  const preprocessing = readPreprocessing(request.preprocessing);
  const raw = preprocessing && rawFeatures(preprocessing, table, usable);
  const split = readSplit(request.split, {
    folds: request.folds ?? defaultFolds,
    stratified: task !== 'regression' && (request.stratify ?? true),
  });
  if (labelSets !== undefined && raw !== undefined) refuseTargetEncoders(raw.branches);
  return {
    model: requireKey(request.model || request.name, 'model'),
    task,
    labels,
    labelSets,
    features: raw?.read ?? usable,
    usable: raw?.plain ?? usable,
    folds: foldCount(split),
    stratified: needsClasses(split.kind),
    split,
    gate: settleGate(request.gate, task),
    preprocessing,
    classWeight: readClassWeight(request.classWeight),
    weightColumn: request.sampleWeight,
  };
}

/** The task of a request with its labels. Throws RK_TABULAR_COLUMN_MISSING and what reading the target throws. */
function settleTarget(
  request: DatasetReady,
  table: Table,
): Pick<RunSettings, 'task' | 'labels' | 'labelSets'> {
  if (!asksForLabelSets(request)) {
    const column = columnByName(table, request.target);
    const task = taskFromProto(request.task) ?? inferTask(column).task;
    if (task !== 'multilabel')
      return { task, labels: task === 'regression' ? [] : classLabels(column), labelSets: undefined };
  }
  const separator = request.labelSeparator || DEFAULT_LABEL_SEPARATOR;
  const columns = [...request.targets];
  const labels = columns.length > 0 ? columns : labelSetNames(columnByName(table, request.target), separator);
  const source = columns.length > 0 ? { columns } : { column: request.target, separator };
  const threshold = settleThreshold(request, labels);
  return { task: 'multilabel', labels, labelSets: { source, separator, threshold } };
}

/** Thresholds of the labels. Throws RK_REQUEST_INVALID for one of a label that there is not. */
function settleThreshold(request: DatasetReady, labels: readonly string[]): LabelThreshold | 'tuned' {
  const given = readLabelThreshold(request.labelThreshold) ?? DEFAULT_LABEL_THRESHOLD;
  return typeof given === 'object' ? thresholdsByLabel(given, labels) : given;
}

function hasValue(column: Table['columns'][number]): boolean {
  return column.type === 'numeric'
    ? column.values.some(Number.isFinite)
    : column.codes.some((code) => code >= 0);
}

/** What a gate looks at where the request names nothing. */
const defaultMetrics: Readonly<Record<TaskName, string>> = {
  binary: 'accuracy',
  multiclass: 'accuracy',
  multilabel: 'f1_micro',
  regression: 'rmse',
};

function settleGate(gate: Gate | undefined, task: TaskName): Gate {
  const metric = gate?.metric || defaultMetrics[task];
  const threshold = gate?.threshold ?? (metric === 'accuracy' ? defaultAccuracy : undefined);
  return { metric, threshold, allowWorseThanChampion: gate?.allowWorseThanChampion ?? false };
}

/** The signature of the models of a run: features in the table's order, classes in the order of the outputs. */
export function signatureOf(settings: RunSettings, table: Table, target: string): Signature {
  const threshold = settings.labelSets?.threshold ?? 0;
  return {
    target,
    task: taskToProto(settings.task),
    classes: [...settings.labels],
    targets: settings.labelSets && 'columns' in settings.labelSets.source ? [...settings.labels] : [],
    labelSeparator: settings.labelSets?.separator ?? '',
    // Those that are tuned are not known before the folds are: the package of the model has them.
    labelThreshold: typeof threshold === 'number' ? threshold : DEFAULT_LABEL_THRESHOLD,
    labelThresholds: typeof threshold === 'object' ? [...threshold] : [],
    features: settings.features.map((name) => {
      const column = columnByName(table, name);
      return {
        name,
        type: column.type === 'text' ? ColumnType.COLUMN_TYPE_TEXT : columnTypeToProto(column.type),
        categories: column.type === 'numeric' ? [] : [...column.categories],
      };
    }),
  };
}

/** What a network has to learn. */
function problemOf({ task, labels }: Pick<RunSettings, 'task' | 'labels'>): {
  readonly task: ModelSpec['task'];
  readonly outputs: number;
} {
  return { task: networkTask(task), outputs: task === 'regression' ? 1 : labels.length };
}

/** What a plug-in has to learn. Throws RK_SPEC_INVALID for sets of labels, which none can be asked for. */
export function pluginProblemOf(
  settings: Pick<RunSettings, 'task' | 'labels'>,
  features: readonly string[],
): ModelProblem {
  const { task, outputs } = problemOf(settings);
  if (task === 'multilabel') {
    throw new TerminalError(
      'RK_SPEC_INVALID',
      'A plug-in has no part in sets of labels: it learns classes or numbers.',
      {
        details: { field: 'modelSpec.plugin' },
        hint: 'Give the layers of a network, or publish one data set for each label.',
      },
    );
  }
  return { task, outputs, classes: settings.labels, features };
}

/** The specification that a request gives where it names a plug-in: its short forms stand for options of their names. */
export function givenPluginSpec(request: DatasetReady): Record<string, unknown> {
  const { modelSpec, epochs, batchSize, learningRate } = request;
  return {
    ...modelSpec,
    ...(epochs === undefined ? {} : { epochs }),
    ...(batchSize === undefined ? {} : { batchSize }),
    ...(learningRate === undefined ? {} : { learningRate }),
  };
}

/**
 * The complete model specification of a run: the request's `model_spec`, then its short forms (epochs, batch_size,
 * learning_rate), then defaults. `features` says which of the inputs are which column's. Throws RK_SPEC_INVALID naming the field.
 */
export function settleSpec(
  request: DatasetReady,
  settings: RunSettings,
  inputs: number,
  seed: number,
  features: readonly FeatureRange[] = [],
): ModelSpec {
  const { task, outputs } = problemOf(settings);
  const given: Record<string, unknown> = { ...request.modelSpec };
  if (request.epochs !== undefined) given['epochs'] = request.epochs;
  if (request.batchSize !== undefined) given['batchSize'] = request.batchSize;
  if (request.learningRate !== undefined) {
    const named = given['optimizer'] ?? defaultSpec(task, inputs, outputs).optimizer;
    // A name alone is a whole optimizer too, as in model_spec itself.
    const optimizer = typeof named === 'string' ? { type: named } : named;
    if (typeof optimizer !== 'object' || optimizer === null) {
      throw new TerminalError('RK_SPEC_INVALID', "The model's optimizer must be a name or an object", {
        details: { field: 'optimizer' },
      });
    }
    given['optimizer'] = { ...optimizer, learningRate: request.learningRate };
  }
  if (settings.classWeight !== undefined && given['classWeights'] !== undefined) {
    throw new TerminalError(
      'RK_SPEC_INVALID',
      "The model's classWeights are set beside the request's class_weight: they would count twice",
      { details: { field: 'classWeights' }, hint: 'Give the weights of the classes in one place.' },
    );
  }
  given['seed'] = seed;
  return validateSpec(given, { task, inputs, outputs, features, labels: settings.labels });
}
