import { bestFirst } from '@rookery/client';
import { AttemptStatus, SearchState } from '@rookery/proto/rookery/transform/v1/transform';
import type { Attempt, GetSearchResponse } from '@rookery/proto/rookery/transform/v1/transform';

const states: Readonly<Record<number, string>> = {
  [SearchState.SEARCH_STATE_RUNNING]: 'searching',
  [SearchState.SEARCH_STATE_COMPLETED]: 'completed',
  [SearchState.SEARCH_STATE_FAILED]: 'failed',
  [SearchState.SEARCH_STATE_CANCELLED]: 'cancelled',
};

const statuses: Readonly<Record<number, string>> = {
  [AttemptStatus.ATTEMPT_STATUS_RUNNING]: 'running',
  [AttemptStatus.ATTEMPT_STATUS_SCORED]: 'scored',
  [AttemptStatus.ATTEMPT_STATUS_FAILED]: 'failed',
};

/** Attempts that a page shows; a search may have thousands. */
const shown = 200;

/** One training of a trial. */
export interface AttemptView {
  readonly trial: number;
  readonly rung: number;
  readonly epochs: number;
  readonly status: string;
  readonly score: number | null;
  readonly settings: readonly { readonly name: string; readonly value: string }[];
  readonly code: string;
  readonly message: string;
}

/** A search as the page of its run shows it. */
export interface SearchView {
  readonly state: string;
  readonly strategy: string;
  readonly metric: string;
  readonly trials: number;
  readonly folds: number;
  readonly rungs: readonly number[];
  readonly best: { readonly trial: number; readonly score: number } | null;
  /** Attempts that have ended, of those that began. */
  readonly ended: number;
  readonly begun: number;
  /** Trials that have a score or failed, each counted once. */
  readonly endedTrials: number;
  /** The best score after each attempt that has one, by trial and rung. */
  readonly bestSoFar: readonly number[];
  /** The most promising first, at most 200. */
  readonly attempts: readonly AttemptView[];
}

/** A search with its attempts, the most promising first. */
export function searchView(found: GetSearchResponse): SearchView {
  const { search, attempts, state, result, lowerIsBetter } = found;
  const ended = attempts.filter(({ status }) => status !== AttemptStatus.ATTEMPT_STATUS_RUNNING);
  const scores = ended.flatMap(({ score }) => (score === undefined ? [] : [score]));
  let best = lowerIsBetter ? Infinity : -Infinity;
  const leader = leaderOf(attempts, lowerIsBetter);
  return {
    state: states[state] ?? 'unknown',
    strategy: search?.strategy ?? '',
    metric: search?.metric ?? '',
    trials: search?.trials ?? 0,
    folds: search?.folds ?? 0,
    rungs: search?.rungs ?? [],
    best: result
      ? { trial: result.bestTrial, score: result.bestScore }
      : leader?.score === undefined
        ? null
        : { trial: leader.trial, score: leader.score },
    ended: ended.length,
    begun: attempts.length,
    endedTrials: new Set(ended.map(({ trial }) => trial)).size,
    bestSoFar: scores.map((score) => (best = lowerIsBetter ? Math.min(best, score) : Math.max(best, score))),
    attempts: bestFirst(found).slice(0, shown).map(attemptView),
  };
}

function leaderOf(attempts: readonly Attempt[], lowerIsBetter: boolean): Attempt | undefined {
  let leader: Attempt | undefined;
  for (const attempt of attempts) {
    if (attempt.score === undefined) continue;
    const better =
      leader?.score === undefined ||
      (lowerIsBetter ? attempt.score < leader.score : attempt.score > leader.score);
    if (better) leader = attempt;
  }
  return leader;
}

function attemptView(attempt: Attempt): AttemptView {
  const { trial, rung, epochs, status, score, point, code, message } = attempt;
  return {
    trial,
    rung,
    epochs,
    status: statuses[status] ?? 'unknown',
    score: score ?? null,
    settings: Object.entries(point ?? {}).map(([name, value]) => ({ name, value: settingText(value) })),
    code,
    message,
  };
}

function settingText(value: unknown): string {
  if (typeof value === 'number') return String(Number(value.toPrecision(4)));
  return typeof value === 'string' ? value : JSON.stringify(value);
}
