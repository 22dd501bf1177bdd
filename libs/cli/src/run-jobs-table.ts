import type { TrainingHistory } from '@rookery/proto/rookery/domain/v1/data';
import type { Run } from '@rookery/proto/rookery/registry/v1/registry';

import { shortNumber } from './progress/step-line.js';
import { renderTable } from './table.js';

/** Folds and the final model of a run, a line each: losses are those of the epoch whose weights are the result. Empty without jobs. */
export function jobsTable(run: Run): string {
  if (run.jobs.length === 0) return '';
  const held = run.jobs.some(({ history }) => (history?.valLoss.length ?? 0) > 0);
  const planned = Number(run.plan?.modelSpec?.['epochs'] ?? 0);
  const metric = run.verdict?.metric ?? '';
  const rows = run.jobs.map((job) => [
    job.final ? 'final' : `fold ${job.fold + 1}`,
    job.state,
    epochsText(job.history, planned),
    ...lossesOf(job.history).slice(0, held ? 2 : 1),
    job.result ? shortNumber(job.result.metrics[metric] ?? NaN) : '–',
    `${Math.round(job.durationMs)} ms`,
    job.environment?.backend ?? '',
  ]);
  const losses = ['LOSS', 'VALIDATION LOSS'].slice(0, held ? 2 : 1);
  return renderTable(
    ['JOB', 'STATE', 'EPOCHS', ...losses, `HELD-OUT ${metric.toUpperCase()}`, 'TIME', 'BACKEND'],
    rows,
  );
}

/** 50; 37 of 80, best 27. */
function epochsText(history: TrainingHistory | undefined, planned: number): string {
  if (history === undefined) return '–';
  const done = history.epochsRun || history.loss.length;
  const early = history.stoppedEpoch > 0 && planned > done ? ` of ${planned}` : '';
  const best = history.bestEpoch > 0 && history.bestEpoch < done ? `, best ${history.bestEpoch}` : '';
  return `${done}${early}${best}`;
}

/** Training and validation loss of the best epoch. */
function lossesOf(history: TrainingHistory | undefined): string[] {
  if (history === undefined) return ['–', '–'];
  const { epochs, bestEpoch, loss, valLoss } = history;
  const place = bestEpoch === 0 ? -1 : epochs.length > 0 ? epochs.indexOf(bestEpoch) : bestEpoch - 1;
  const at = (values: readonly number[]): string =>
    values.length === 0 ? '–' : shortNumber(values.at(place) ?? NaN);
  return [at(loss), at(valLoss)];
}
