import { attemptOf } from '@rookery/contracts';
import type { RunCancelled, RunResumed } from '@rookery/proto/rookery/events/v1/run';
import { RunState } from '@rookery/proto/rookery/registry/v1/registry';
import type { Filter, Update } from '@rookery/store';

import type { EndPart, RunChangePart, RunDocument } from './run-document.js';

/** The attempt that a run is in: 1 at first, one more with every resumption. */
export function attemptOfRun(run: Pick<RunDocument, 'attempt'> | null): number {
  return attemptOf(run?.attempt ?? 1);
}

/** Holds while a run is in this attempt: the first one stands in no field. */
export function inAttempt(attempt: number): Filter {
  return attempt === 1 ? { attempt: { $exists: false } } : { attempt };
}

/**
 * What `run.resumed` changes in the document of its run, from the event alone: the end of the attempt before becomes a
 * line of the history, what was decided of its evaluation is taken back, trained and evaluated folds stay. `condition`
 * holds once.
 */
export function resumption(data: RunResumed): { condition: Filter; update: Update } {
  const before = data.runAttempt - 1;
  const changes: RunChangePart[] = [
    {
      kind: 'failed',
      attempt: before,
      timeMs: data.endedAtMs,
      actor: '',
      reason: '',
      code: data.code,
      message: data.message,
    },
    turn('resumed', data),
  ];
  return {
    condition: { _id: data.runId, state: RunState.RUN_STATE_FAILED, ...inAttempt(before) },
    update: {
      $set: { state: RunState.RUN_STATE_TRAINING, attempt: data.runAttempt },
      $unset: { end: true, claimed: true, claim: true, evaluated: true },
      $max: { updatedAtMs: data.timeMs },
      $push: { changes: { $each: changes } },
    },
  };
}

/** How a cancelled run ends, from `run.cancelled` alone. */
export function cancellation(data: RunCancelled): { end: EndPart; change: RunChangePart } {
  const message = `cancelled by ${data.actor}${data.reason === '' ? '' : `: ${data.reason}`}`;
  return {
    end: { version: 0, reasons: [message], code: 'RK_RUN_CANCELLED', message, timeMs: data.timeMs },
    change: turn('cancelled', data),
  };
}

function turn(kind: 'resumed' | 'cancelled', data: RunCancelled | RunResumed): RunChangePart {
  const { runAttempt: attempt, timeMs, actor, reason } = data;
  return { kind, attempt, timeMs, actor, reason, code: '', message: '' };
}
