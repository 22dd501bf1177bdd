import type { EarlyStoppingSpec } from './spec/model-spec.js';

/** What is known of an epoch. */
export interface MonitoredEpoch {
  loss: number;
  metric: number;
  valLoss?: number;
  valMetric?: number;
}

/** What to do after an epoch. */
export interface StoppingDecision {
  /** The best so far (with `restoreBest`: the weights to keep). */
  best: boolean;
  stop: boolean;
}

/**
 * The decisions of Keras's EarlyStopping: an epoch is an improvement where it beats the best by more than `minDelta`; after
 * `patience` epochs without one the fit ends. `rising` says whether more is better, of the metric.
 */
export function earlyStopping(
  { monitor, patience, minDelta, startFromEpoch }: EarlyStoppingSpec,
  rising: boolean,
): (epoch: number, result: MonitoredEpoch) => StoppingDecision {
  const upwards = rising && monitor.endsWith('metric');
  let best: number | undefined;
  let waited = 0;
  return (epoch, { loss, metric, valLoss, valMetric }) => {
    const value = { loss, metric, val_loss: valLoss, val_metric: valMetric }[monitor];
    // Epochs count from 1 here, from 0 in Keras.
    if (value === undefined || epoch - 1 < startFromEpoch) return { best: false, stop: false };
    const first = best === undefined;
    waited += 1;
    const improved = first || (upwards ? value - minDelta > best! : value + minDelta < best!);
    if (improved) {
      best = value;
      waited = 0;
      return { best: true, stop: false };
    }
    return { best: false, stop: waited >= patience && epoch > 1 };
  };
}
