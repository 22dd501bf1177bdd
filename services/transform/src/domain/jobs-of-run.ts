import type { FoldJob, RunStarted } from '@rookery/proto/rookery/events/v1/run';
import { deriveSeed } from '@rookery/tabular';

/** The jobs of a run, folds first and the final model's last: a function of its plan alone. */
export function jobsOfRun(run: RunStarted): FoldJob[] {
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
    trial: undefined,
  }));
}
