import type { RunCancelled, RunResumed } from '@rookery/proto/rookery/events/v1/run';
import { RunState } from '@rookery/proto/rookery/registry/v1/registry';

import { cancellation, inAttempt, resumption } from '../domain/run-turns.js';
import { endRun, knownRun } from './end-run.js';
import type { Registry } from './ports.js';

/** The next attempt of a failed run, as its `run.resumed` tells it; nothing where the run is in it, or further. */
export async function rebuiltResumption(
  registry: Pick<Registry, 'collections' | 'changes'>,
  data: RunResumed,
): Promise<void> {
  const { condition, update } = resumption(data);
  const { matched } = await registry.collections.runs.updateOne(condition, update);
  if (matched > 0) registry.changes.notify(data.runId);
}

/** The end of a cancelled run, as its `run.cancelled` tells it. */
export async function rebuiltCancellation(
  registry: Pick<Registry, 'collections' | 'changes'>,
  data: RunCancelled,
): Promise<void> {
  const { end, change } = cancellation(data);
  await knownRun(registry, data, data.timeMs);
  const condition = inAttempt(data.runAttempt);
  await endRun(registry, data.runId, RunState.RUN_STATE_CANCELLED, end, [], condition, [change]);
}
