import type { BusEvent, EventMeta } from '@rookery/bus';
import { TrialRef } from '@rookery/proto/rookery/domain/v1/data';
import type { DeadLetter } from '@rookery/proto/rookery/events/v1/monitoring';
import type { TrialEvaluated, TrialFailed } from '@rookery/proto/rookery/events/v1/search';

import type { AttemptEnd } from './attempt-end.js';

type EndAttempt = (searchId: string, end: AttemptEnd, cause: EventMeta) => Promise<void>;

/** Handler of ml.trial.evaluated: the attempt has its score. */
export function takeScore(end: EndAttempt): (event: BusEvent<TrialEvaluated>) => Promise<void> {
  return async (event) => {
    const { trial, metrics } = event.data;
    if (trial !== undefined)
      await end(trial.searchId, { trial: trial.trial, rung: trial.rung, metrics }, event);
  };
}

/** Handler of ml.trial.failed: the attempt has none. */
export function takeFailure(end: EndAttempt): (event: BusEvent<TrialFailed>) => Promise<void> {
  return async (event) => {
    const { trial, code, message, step } = event.data;
    if (trial === undefined) return;
    const { searchId, ...attempt } = trial;
    await end(searchId, { ...attempt, code, message, step }, event);
  };
}

/** Handler of dead letters: a job or a fold of a trial that nobody could handle ends its attempt; others are not ours. */
export function takeDeadLetter(end: EndAttempt): (event: BusEvent<DeadLetter>) => Promise<void> {
  return async (event) => {
    const { subject, payload, code, message } = event.data;
    if (!/^ml\.(job\.fold|fold\.trained)\./.test(subject)) return;
    const trial = trialOf(payload);
    if (trial === undefined) return;
    const { searchId, ...attempt } = trial;
    const fold = /-f(\d+)$/.exec(subject)?.[1];
    const step = fold === undefined ? 'evaluation' : `fold ${fold}`;
    const failure = { code: code || 'RK_HANDLER_FAILED', message, step, unannounced: true as const };
    await end(searchId, { ...attempt, ...failure }, event);
  };
}

function trialOf(payload: Uint8Array): TrialRef | undefined {
  try {
    const { trial } = JSON.parse(Buffer.from(payload).toString('utf8')) as { trial?: unknown };
    return trial === undefined ? undefined : TrialRef.fromJSON(trial);
  } catch {
    return undefined;
  }
}
