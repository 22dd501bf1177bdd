import { Run, RunState } from '@rookery/proto/rookery/registry/v1/registry';
import { RetryableError } from '@rookery/contracts';

import { isTerminal } from '../domain/run-state.js';
import { runView } from '../domain/run-view.js';
import type { Registry } from './ports.js';
import { findRun, runNotFound } from './read-runs.js';

/** Bounds of a watch, in milliseconds. */
export interface WatchTimes {
  /** How long a run may take to appear: a caller may know its id before the first event has come by. */
  appearMs: number;
  /** How long a promoted run is watched for its first swap. */
  swapMs: number;
  /** Longest time without a look at the store: another process may have changed the run. */
  pollMs: number;
}

const defaultTimes: WatchTimes = { appearMs: 3_000, swapMs: 5_000, pollMs: 1_000 };

/**
 * The run as it is, then again at every change. Ends with its final state; for a promoted run, with the update that
 * holds the time of its first swap, or 5 seconds after the promotion was seen.
 *
 * Errors: RK_RUN_NOT_FOUND where there is no such run after 3 seconds; RK_UNAVAILABLE when the service stops.
 */
export async function* watchRun(
  registry: Registry,
  runId: string,
  signals: { caller: AbortSignal; service: AbortSignal },
  times: WatchTimes = defaultTimes,
): AsyncGenerator<Run> {
  const signal = AbortSignal.any([signals.caller, signals.service]);
  const subscription = registry.changes.subscribe(runId);
  const started = performance.now();
  let promotedAt: number | undefined;
  let sent = '';
  try {
    while (!signal.aborted) {
      const { seen } = subscription;
      const run = await findRun(registry, runId);
      let wait = times.pollMs;
      if (!run) {
        wait = times.appearMs - (performance.now() - started);
        if (wait <= 0) throw runNotFound(runId);
      } else {
        const view = runView(run);
        const text = Buffer.from(Run.encode(view).finish()).toString('base64');
        if (text !== sent) {
          sent = text;
          yield view;
        }
        if (isTerminal(run.state)) {
          if (run.state !== RunState.RUN_STATE_PROMOTED || view.publishedToServingMs > 0) return;
          promotedAt ??= performance.now();
          wait = times.swapMs - (performance.now() - promotedAt);
          if (wait <= 0) return;
        }
      }
      await subscription.changedSince(seen, Math.min(wait, times.pollMs), signal);
    }
  } finally {
    subscription.close();
  }
  if (!signals.caller.aborted) {
    throw new RetryableError('RK_UNAVAILABLE', `the registry stops: watch run ${runId} again`);
  }
}
