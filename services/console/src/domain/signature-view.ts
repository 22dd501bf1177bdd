import { columnTypeFromProto, taskFromProto } from '@rookery/contracts';
import type { ColumnTypeName, TaskName } from '@rookery/contracts';
import { Task } from '@rookery/proto/rookery/domain/v1/data';
import type { MetricSummary, Signature, TrainingEnvironment } from '@rookery/proto/rookery/domain/v1/data';

/** What a model takes and gives. */
export interface SignatureView {
  readonly features: readonly {
    readonly name: string;
    readonly type: ColumnTypeName | '';
    readonly categories: readonly string[];
  }[];
  readonly target: string;
  readonly task: TaskName | '';
  readonly classes: readonly string[];
  /** Multi-label: a label is predicted where its probability is above this; null for any other task. */
  readonly labelThreshold: number | null;
  /** Multi-label: one for each class, where they differ. */
  readonly labelThresholds: readonly number[];
}

/** The signature with words for its enums. */
export function signatureView(signature: Signature | undefined): SignatureView | null {
  if (!signature) return null;
  return {
    features: signature.features.map(({ name, type, categories }) => ({
      name,
      type: columnTypeFromProto(type) ?? '',
      categories,
    })),
    target: signature.target,
    task: taskFromProto(signature.task) ?? '',
    classes: signature.classes,
    labelThreshold: signature.task === Task.TASK_MULTILABEL ? signature.labelThreshold : null,
    labelThresholds: signature.labelThresholds,
  };
}

/** A metric with its name. */
export interface NamedMetric {
  readonly name: string;
  readonly mean: number;
  readonly std: number;
}

/** Metrics that people look at first. */
const wellKnown = [
  'accuracy',
  'subset_accuracy',
  'rmse',
  'roc_auc',
  'f1_micro',
  'f1_macro',
  'f1',
  'hamming_loss',
  'log_loss',
  'r2',
  'mae',
];

/**
 * The metrics: the one that was judged first, then the well-known ones, then the others by name, those of single
 * classes or labels last.
 */
export function metricsView(metrics: Readonly<Record<string, MetricSummary>>, first: string): NamedMetric[] {
  const ofOne = (name: string): number => (name.includes('_of_') ? 1 : 0);
  const others = Object.keys(metrics).sort((a, b) => ofOne(a) - ofOne(b) || (a < b ? -1 : 1));
  const order = [...new Set([first, ...wellKnown, ...others])];
  return order
    .filter((name) => Object.hasOwn(metrics, name))
    .map((name) => ({ name, mean: metrics[name]?.mean ?? 0, std: metrics[name]?.std ?? 0 }));
}

/** The metric that stands for a model: the judged one where it is known, else accuracy or rmse. */
export function headlineMetric(metrics: Readonly<Record<string, MetricSummary>>, judged: string): string {
  if (judged !== '' && metrics[judged]) return judged;
  return ['accuracy', 'f1_micro', 'rmse'].find((name) => metrics[name]) ?? '';
}

/** Where a training ran; null where nothing is known. */
export function environmentView(environment: TrainingEnvironment | undefined): TrainingEnvironment | null {
  return environment ?? null;
}
