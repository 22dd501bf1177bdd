import type { TrainingHistory } from '@rookery/proto/rookery/domain/v1/data';

import type { Trained } from './worker-messages.js';

/** Most epochs whose values an event carries: four curves of them are some 80 kB of a message's megabyte. */
const epochsKept = 1_000;

/**
 * The curves of a training for its event: whole, or thinned evenly to {@link epochsKept} epochs. The first epoch, the last, and the one
 * whose weights are the result are always among them.
 */
export function boundedHistory(
  trained: Pick<Trained, 'history' | 'metricName' | 'epochsRun' | 'bestEpoch' | 'stoppedEarly'>,
): TrainingHistory {
  const { history, metricName, epochsRun, bestEpoch, stoppedEarly } = trained;
  const kept = epochsToKeep(epochsRun, bestEpoch);
  const at = (values: readonly number[] = []): number[] =>
    values.length === 0 ? [] : kept.map((epoch) => values[epoch - 1]!);
  return {
    loss: at(history.loss),
    metricName,
    metric: at(history.metric),
    epochs: kept.length === epochsRun ? [] : kept,
    valLoss: at(history.valLoss),
    valMetric: at(history.valMetric),
    epochsRun,
    bestEpoch,
    stoppedEpoch: stoppedEarly ? epochsRun : 0,
  };
}

function epochsToKeep(epochs: number, best: number): number[] {
  if (epochs <= epochsKept) return Array.from({ length: epochs }, (_, i) => i + 1);
  // One place is left for the best.
  const step = (epochs - 1) / (epochsKept - 2);
  const even = Array.from({ length: epochsKept - 1 }, (_, i) => 1 + Math.round(i * step));
  return [...new Set([...even, ...(best > 0 ? [best] : [])])].sort((a, b) => a - b);
}
