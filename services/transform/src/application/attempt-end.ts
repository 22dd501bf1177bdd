import type { EventMeta, Outbox, OutboxEntry } from '@rookery/bus';
import { derivedEventId, events, trialRunIdOf } from '@rookery/contracts';
import type { SearchStarted } from '@rookery/proto/rookery/events/v1/search';

import type { AttemptPart } from '../adapters/search-collection.js';

/** Why an attempt has no score. */
export interface AttemptFailure {
  readonly trial: number;
  readonly rung: number;
  readonly code: string;
  readonly message: string;
  readonly step: string;
}

/** How one attempt ended. */
export type AttemptEnd =
  | {
      readonly trial: number;
      readonly rung: number;
      readonly metrics: Readonly<Record<string, { mean: number }>>;
    }
  | AttemptFailure
  /** A failure that no event tells of yet: the search announces it, so that the log has it. */
  | (AttemptFailure & { readonly unannounced: true });

/** Notes an end with its attempt; false where the attempt is unknown or has ended: the first end counts. */
export function noteEnd(
  attempts: Record<string, AttemptPart>,
  started: Pick<SearchStarted, 'searchId' | 'metric'>,
  end: AttemptEnd,
): boolean {
  const id = trialRunIdOf(started.searchId, end.trial, end.rung);
  const attempt = attempts[id];
  if (attempt === undefined || attempt.status !== 'running') return false;
  if ('code' in end) {
    attempts[id] = { ...attempt, status: 'failed', code: end.code, message: failureMessage(end) };
    return true;
  }
  const score = end.metrics[started.metric]?.mean;
  attempts[id] =
    score !== undefined && Number.isFinite(score)
      ? { ...attempt, status: 'scored', score }
      : {
          ...attempt,
          status: 'failed',
          code: 'RK_EVALUATION_FAILED',
          message: `A fold of this trial has no ${started.metric}`,
        };
  return true;
}

/** The reason of a failed attempt with the step that failed. */
export function failureMessage({ step, message }: Pick<AttemptFailure, 'step' | 'message'>): string {
  return step === '' ? message : `${step}: ${message}`;
}

/** ml.trial.failed, as the search itself announces it. */
export function failureEntry(
  outbox: Pick<Outbox, 'entry'>,
  { searchId }: Pick<SearchStarted, 'searchId'>,
  { trial, rung, code, message, step }: AttemptFailure,
  cause: EventMeta,
): OutboxEntry {
  const runId = trialRunIdOf(searchId, trial, rung);
  return outbox.entry(
    events.trialFailed,
    searchId,
    { trial: { searchId, trial, rung }, runId, code, message, step },
    { id: derivedEventId(events.trialFailed.type, runId, 'search'), cause, correlationId: searchId },
  );
}

/** The counts that a search keeps of its attempts. */
export function countsOf(attempts: Readonly<Record<string, AttemptPart>>): { begun: number; ended: number } {
  const all = Object.values(attempts);
  return { begun: all.length, ended: all.filter(({ status }) => status !== 'running').length };
}
