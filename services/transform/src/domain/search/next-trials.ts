import type { SearchPlan } from './search-plan.js';

/** One training of a trial: all folds, with the epochs of one rung. */
export interface TrialAttempt {
  readonly trial: number;
  readonly rung: number;
}

/** What is known of an attempt. */
export interface AttemptState extends TrialAttempt {
  /** failed: no score, such as a training that diverged; the search goes on without it. */
  readonly status: 'running' | 'scored' | 'failed';
  /** Mean of the metric over the folds; with `scored` only. */
  readonly score?: number;
}

/** What a search does next. */
export interface NextTrials {
  /** Attempts to start now, in this order. */
  readonly start: readonly TrialAttempt[];
  /** Nothing runs and nothing is left to start. */
  readonly finished: boolean;
  /** The best so far: the highest rung, then the best score, then the lowest number. */
  readonly best: AttemptState | undefined;
}

/**
 * What follows from the attempts so far, whatever their order. With rungs this is asynchronous successive halving (Li et al.,
 * "A System for Massively Parallel Hyperparameter Tuning", MLSys 2020, algorithm 2): a free place goes to the highest rung
 * whose best 1 / eta has an attempt that has not gone on, else to a new trial. No attempt waits for another, so a trial
 * may go on that a later one would have beaten. Once every trial has begun and a rung is done, at least its best goes on,
 * so that a small search reaches the last rung too.
 */
export function nextTrials(
  plan: Pick<SearchPlan, 'trials' | 'parallel' | 'rungs' | 'eta'>,
  attempts: readonly AttemptState[],
  better: (a: number, b: number) => boolean,
): NextTrials {
  const last = (plan.rungs?.length ?? 1) - 1;
  const started: Set<string> = new Set(attempts.map(keyOf));
  const begun = attempts.filter(({ rung }) => rung === 0).length;
  let fresh = attempts.reduce((next, { rung, trial }) => (rung === 0 ? Math.max(next, trial + 1) : next), 0);
  const running = attempts.filter(({ status }) => status === 'running').length;
  const scored = [...attempts].filter(isScored).sort((a, b) => order(a, b, better));
  const start: TrialAttempt[] = [];
  const promotable = (): TrialAttempt | undefined => {
    for (let rung = last - 1; rung >= 0; rung--) {
      const done = scored.filter((attempt) => attempt.rung === rung);
      const ended = attempts.filter(
        (attempt) => attempt.rung === rung && attempt.status !== 'running',
      ).length;
      let places = Math.floor(ended / plan.eta);
      if (places === 0 && done.length > 0 && settled(plan, attempts, start, begun, rung)) places = 1;
      const next = done.slice(0, places).find(({ trial }) => !started.has(keyOf({ trial, rung: rung + 1 })));
      if (next !== undefined) return { trial: next.trial, rung: rung + 1 };
    }
    return undefined;
  };
  while (running + start.length < plan.parallel) {
    const next = promotable() ?? (fresh < plan.trials ? { trial: fresh++, rung: 0 } : undefined);
    if (next === undefined) break;
    started.add(keyOf(next));
    start.push(next);
  }
  const top = scored.reduce((most, { rung }) => Math.max(most, rung), -1);
  return {
    start,
    finished: running === 0 && start.length === 0,
    best: scored.find(({ rung }) => rung === top),
  };
}

/** No attempt can come to this rung any more. */
function settled(
  plan: Pick<SearchPlan, 'trials'>,
  attempts: readonly AttemptState[],
  start: readonly TrialAttempt[],
  begun: number,
  rung: number,
): boolean {
  return (
    begun === plan.trials &&
    attempts.every((attempt) => attempt.rung > rung || attempt.status !== 'running') &&
    start.every((attempt) => attempt.rung > rung)
  );
}

function isScored(attempt: AttemptState): attempt is AttemptState & { score: number } {
  return attempt.status === 'scored' && attempt.score !== undefined && Number.isFinite(attempt.score);
}

function order(
  a: AttemptState & { score: number },
  b: AttemptState & { score: number },
  better: (a: number, b: number) => boolean,
): number {
  if (better(a.score, b.score)) return -1;
  return better(b.score, a.score) ? 1 : a.trial - b.trial;
}

const keyOf = ({ trial, rung }: TrialAttempt): string => `${trial}.${rung}`;
