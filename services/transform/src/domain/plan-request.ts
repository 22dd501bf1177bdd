import {
  TerminalError,
  columnTypeToProto,
  readClassWeight,
  requireKey,
  reservedColumns,
  taskFromProto,
  taskToProto,
} from '@rookery/contracts';
import type { ClassWeight, TaskName } from '@rookery/contracts';
import { defaultSpec, validateSpec } from '@rookery/nn/spec';
import type { ModelSpec } from '@rookery/nn/spec';
import type { Gate, Signature } from '@rookery/proto/rookery/domain/v1/data';
import { ColumnType } from '@rookery/proto/rookery/domain/v1/data';
import type { DatasetReady } from '@rookery/proto/rookery/events/v1/dataset';
import {
  classLabels,
  columnByName,
  foldCount,
  inferTask,
  needsClasses,
  rawFeatures,
  readPreprocessing,
  readSplit,
} from '@rookery/tabular';
import type { FeatureRange, PreprocessingSpec, SplitSpec, Table } from '@rookery/tabular';

/** Folds where the request names none. */
export const defaultFolds = 5;

/** Mean accuracy that a model needs where the request names no gate. */
export const defaultAccuracy = 0.7;

/** What a request means for its data set: every default filled in. */
export interface RunSettings {
  readonly model: string;
  readonly task: TaskName;
  readonly labels: readonly string[];
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
  const target = columnByName(table, request.target);
  const given = taskFromProto(request.task);
  const task = given ?? inferTask(target).task;
  const labels = task === 'regression' ? [] : classLabels(target);
  const ignored = reservedColumns(request);
  const usable = table.columns
    .filter((column) => column.name !== request.target && !ignored.has(column.name) && column.type !== 'text')
    .filter((column) => hasValue(column))
    .map((column) => column.name);
  if (usable.length === 0) {
    throw new TerminalError(
      'RK_DATASET_NO_FEATURES',
      `${request.name} has no column to learn ${request.target} from`,
      {
        details: { dataset: request.name, target: request.target },
      },
    );
  }
  const preprocessing = readPreprocessing(request.preprocessing);
  const raw = preprocessing && rawFeatures(preprocessing, table, usable);
  const split = readSplit(request.split, {
    folds: request.folds ?? defaultFolds,
    stratified: task !== 'regression' && (request.stratify ?? true),
  });
  return {
    model: requireKey(request.model || request.name, 'model'),
    task,
    labels,
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

function hasValue(column: Table['columns'][number]): boolean {
  return column.type === 'numeric'
    ? column.values.some(Number.isFinite)
    : column.codes.some((code) => code >= 0);
}

function settleGate(gate: Gate | undefined, task: TaskName): Gate {
  const metric = gate?.metric || (task === 'regression' ? 'rmse' : 'accuracy');
  const threshold = gate?.threshold ?? (metric === 'accuracy' ? defaultAccuracy : undefined);
  return { metric, threshold, allowWorseThanChampion: gate?.allowWorseThanChampion ?? false };
}

/** The signature of the models of a run: features in the table's order, classes in the order of the outputs. */
export function signatureOf(settings: RunSettings, table: Table, target: string): Signature {
  return {
    target,
    task: taskToProto(settings.task),
    classes: [...settings.labels],
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

/** What a model of these settings has to give: probabilities of the classes, or a number. */
export function problemOf(settings: Pick<RunSettings, 'task' | 'labels'>): {
  readonly task: 'classification' | 'regression';
  readonly outputs: number;
} {
  return settings.task === 'regression'
    ? { task: 'regression', outputs: 1 }
    : { task: 'classification', outputs: settings.labels.length };
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
