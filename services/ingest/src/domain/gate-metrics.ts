import type { TaskName } from '@rookery/contracts';

const classification: readonly string[] = [
  'accuracy',
  'balanced_accuracy',
  'precision_micro',
  'recall_micro',
  'f1_micro',
  'precision_macro',
  'recall_macro',
  'f1_macro',
  'precision_weighted',
  'recall_weighted',
  'f1_weighted',
  'mcc',
  'cohen_kappa',
  'roc_auc',
  'pr_auc',
  'ece',
  'log_loss',
  'brier',
];

/** Metrics that the evaluator measures for a task, and that a gate may name therefore. */
export const gateMetrics: Readonly<Record<TaskName, readonly string[]>> = {
  binary: [...classification, 'precision', 'recall', 'f1'],
  multiclass: [...classification, 'roc_auc_ovr', 'roc_auc_ovo'],
  multilabel: [
    'subset_accuracy',
    'hamming_loss',
    'precision_micro',
    'precision_macro',
    'precision_weighted',
    'precision_samples',
    'recall_micro',
    'recall_macro',
    'recall_weighted',
    'recall_samples',
    'f1_micro',
    'f1_macro',
    'f1_weighted',
    'f1_samples',
    'roc_auc_micro',
    'roc_auc_macro',
    'roc_auc_weighted',
    'pr_auc_micro',
    'pr_auc_macro',
    'pr_auc_weighted',
    'log_loss',
    'brier',
  ],
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

/** Metrics of single classes: the label, cut and cleaned, stands behind `_of_`. */
export const classMetric = /^(?:precision|recall|f1|roc_auc|pr_auc)_of_./;
