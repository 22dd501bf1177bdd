/** Metrics by name, with the direction in which they are better. */
export const metricDirections = {
  accuracy: 'higher',
  balanced_accuracy: 'higher',
  precision_micro: 'higher',
  recall_micro: 'higher',
  f1_micro: 'higher',
  precision_macro: 'higher',
  recall_macro: 'higher',
  f1_macro: 'higher',
  precision_weighted: 'higher',
  recall_weighted: 'higher',
  f1_weighted: 'higher',
  subset_accuracy: 'higher',
  hamming_loss: 'lower',
  precision_samples: 'higher',
  recall_samples: 'higher',
  f1_samples: 'higher',
  precision: 'higher',
  recall: 'higher',
  f1: 'higher',
  mcc: 'higher',
  cohen_kappa: 'higher',
  roc_auc: 'higher',
  roc_auc_ovr: 'higher',
  roc_auc_ovo: 'higher',
  roc_auc_micro: 'higher',
  roc_auc_macro: 'higher',
  roc_auc_weighted: 'higher',
  pr_auc: 'higher',
  pr_auc_micro: 'higher',
  pr_auc_macro: 'higher',
  pr_auc_weighted: 'higher',
  ece: 'lower',
  log_loss: 'lower',
  brier: 'lower',
  mae: 'lower',
  mse: 'lower',
  rmse: 'lower',
  mape: 'lower',
  median_absolute_error: 'lower',
  max_error: 'lower',
  r2: 'higher',
  explained_variance: 'higher',
} as const satisfies Record<string, 'higher' | 'lower'>;

export type MetricName = keyof typeof metricDirections;

/**
 * Whether a higher or a lower value is better. `loss` and names that end in `_loss` or `_error` are lower; any other
 * unknown name, such as those of single classes (`recall_of_malignant`), is higher.
 */
export function metricDirection(name: string): 'higher' | 'lower' {
  if (Object.hasOwn(metricDirections, name)) return metricDirections[name as MetricName];
  return name === 'loss' || name.endsWith('_loss') || name.endsWith('_error') ? 'lower' : 'higher';
}

/** Whether `a` is strictly better than `b` by this metric. */
export function isBetter(name: string, a: number, b: number): boolean {
  return metricDirection(name) === 'higher' ? a > b : a < b;
}
