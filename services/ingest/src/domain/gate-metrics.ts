import type { TaskName } from '@rookery/contracts';

const classification: readonly string[] = [
  'accuracy',
  'balanced_accuracy',
  'precision_macro',
  'recall_macro',
  'f1_macro',
  'precision_weighted',
  'recall_weighted',
  'f1_weighted',
  'roc_auc',
  'log_loss',
  'brier',
];

/** Metrics that the evaluator measures for a task, and that a gate may name therefore. */
export const gateMetrics: Readonly<Record<TaskName, readonly string[]>> = {
  binary: [...classification, 'precision', 'recall', 'f1'],
  multiclass: classification,
  regression: [
    'mae',
    'mse',
    'rmse',
    'mape',
    'median_absolute_error',
    'max_error',
    'r2',
    'explained_variance',
  ],
};
