import type { LabelConfusion } from '@rookery/tabular';
import type { FoldTrained, RunStarted } from '@rookery/proto/rookery/events/v1/run';

/** What is known of one fold on its held-out rows. */
export interface FoldResult {
  readonly fold: number;
  readonly rows: number;
  readonly metrics: Readonly<Record<string, number>>;
  /** Truth × prediction, in the order of the classes; empty for regression and multi-label. */
  readonly confusion: readonly (readonly number[])[];
  /** Multi-label: counts of each label, in the order of the classes. */
  readonly labelConfusions?: readonly LabelConfusion[];
  readonly trainedSha256: string;
  /** Artifact with the held-out outputs, float32, row-major. */
  readonly outputsSha256: string;
  /** Where thresholds of labels are tuned at the join: the bundle, which has the held-out rows. */
  readonly bundleSha256?: string;
}

/** The state of a run's evaluation: parts come in any order, each at least once. */
export interface Evaluation {
  readonly plan?: RunStarted;
  /** Results by fold number. */
  readonly folds?: Readonly<Record<string, FoldResult>>;
  readonly final?: FoldTrained;
}

/** An evaluation that has all its parts. */
export interface CompleteEvaluation {
  readonly plan: RunStarted;
  readonly folds: readonly FoldResult[];
  readonly final: FoldTrained;
}

/**
 * The evaluation with its folds in order if the plan, every fold and the final model are in, else undefined. A fold
 * counts once however often it came, since it is kept by its number.
 */
export function completeEvaluation(evaluation: Evaluation): CompleteEvaluation | undefined {
  const { plan, final } = evaluation;
  if (plan === undefined || final === undefined) return undefined;
  const folds: FoldResult[] = [];
  for (let fold = 0; fold < plan.folds; fold++) {
    const result = evaluation.folds?.[String(fold)];
    if (result === undefined) return undefined;
    folds.push(result);
  }
  return { plan, folds, final };
}
