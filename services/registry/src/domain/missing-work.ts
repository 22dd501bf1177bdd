import type { RunDocument } from './run-document.js';
import { jobNameOf } from './run-projection.js';
import { planOf } from './run-view.js';

/** A job of a plan. */
export interface PlannedJob {
  readonly fold: number;
  readonly final: boolean;
}

/** What an open run still waits for. */
export interface MissingWork {
  /** Jobs without a trained model. */
  readonly jobs: readonly PlannedJob[];
  /** All of it in words: "fold 2", "evaluation of fold 0", "the plan" … */
  readonly words: readonly string[];
}

/** What a run waits for, as far as its events tell; of an evaluated run, the decision. */
export function missingWork(run: RunDocument): MissingWork {
  if (run.evaluated) return { jobs: [], words: ['the decision'] };
  const plan = planOf(run);
  if (!plan) return { jobs: [], words: ['the plan'] };
  const planned = Array.from({ length: plan.folds + 1 }, (_, fold) => ({ fold, final: fold === plan.folds }));
  const partOf = (job: PlannedJob): NonNullable<RunDocument['jobs']>[string] | undefined =>
    run.jobs?.[jobNameOf(job.fold, job.final)];
  const jobs = planned.filter((job) => !partOf(job)?.trained);
  const unevaluated = planned.filter((job) => !job.final && partOf(job)?.trained && !partOf(job)?.evaluated);
  const words = [...jobs.map(jobWords), ...unevaluated.map((job) => `evaluation of ${jobWords(job)}`)];
  return { jobs, words: words.length > 0 ? words : ['the join'] };
}

/** A job in words. */
export function jobWords({ fold, final }: PlannedJob): string {
  return final ? 'final model' : `fold ${fold}`;
}
