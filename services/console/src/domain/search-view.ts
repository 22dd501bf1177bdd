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
  const better = (a: number, b: number): boolean => (lowerIsBetter ? a < b : a > b);
  const leaders = leadersOf(attempts, better);
  const leader = leaders.at(-1);
  return {
    state: states[state] ?? 'unknown',
    strategy: search?.strategy ?? '',
    metric: search?.metric ?? '',
    trials: search?.trials ?? 0,
    folds: search?.folds ?? 0,
    rungs: search?.rungs ?? [],
    best: result ? { trial: result.bestTrial, score: result.bestScore } : (leader ?? null),
    ended: ended.length,
    begun: attempts.length,
    endedTrials: new Set(ended.map(({ trial }) => trial)).size,
    bestSoFar: leaders.map(({ score }) => score),
    attempts: bestFirst(found).slice(0, shown).map(attemptView),
  };
}

/** The best trial after each attempt that has a score; of equal ones the first. */
function leadersOf(
  attempts: readonly Attempt[],
  better: (a: number, b: number) => boolean,
): { trial: number; score: number }[] {
  const leaders: { trial: number; score: number }[] = [];
  for (const { trial, score } of attempts) {
    if (score === undefined) continue;
    const before = leaders.at(-1);
    leaders.push(before === undefined || better(score, before.score) ? { trial, score } : before);
  }
  return leaders;
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
