import type { FoldJob, RunStarted } from '@rookery/proto/rookery/events/v1/run';
import { deriveSeed } from '@rookery/tabular';

/**
 * The jobs of a plan, folds first, the final model's last. They follow from `run.started` alone: the same plan gives the
 * same jobs, and those the same weights, however much later.
 */
export function jobsOfRun(run: RunStarted, runAttempt: number): FoldJob[] {
  return run.bundles.map((bundle, fold) => ({
    runId: run.runId,
    fold,
    final: fold === run.folds,
    folds: run.folds,
    model: run.model,
    task: run.task,
    dataset: run.dataset,
    bundle,
    modelSpec: run.modelSpec,
    seed: deriveSeed(run.seed, 'job', fold) >>> 0,
    runAttempt,
    reproduction: undefined,
    trial: undefined,
  }));
}
