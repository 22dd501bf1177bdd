import { repeatEvery } from '@rookery/bus';
import type { Stop } from '@rookery/bus';

import type { RunDocument } from '../domain/run-document.js';
import { missingWork } from '../domain/missing-work.js';
import type { MissingWork } from '../domain/missing-work.js';
import { firstTerminalState } from '../domain/run-state.js';
import { attemptOfRun } from '../domain/run-turns.js';
import { failRunAt } from './end-run.js';
import type { Registry, SearchProgress } from './ports.js';
import { failLostReproductions } from './reproduce-run.js';

/** Looks for runs that nothing happens to; see {@link createStallWatch}. */
export interface StallWatch {
  /** Returns how many runs and reproductions it ended. */
  check(): Promise<number>;
}

/**
 * Ends runs that would otherwise wait for ever: nothing has happened to the run for `stallMs`, and what it waits for is in
 * no queue any more (its job was dropped, the stream purged). A job that waits for a trainer, or is being trained, is in a
 * queue: a long queue ends no run. A run that searches goes by the events of its trials. Time is that of this process, so that wrong clocks of others end nothing; a restart
 * begins to count again.
 */
export function createStallWatch(
  registry: Registry,
  stallMs: number,
  now: () => number = () => performance.now(),
): StallWatch {
  const seen = new Map<string, { readonly print: string; readonly sinceMs: number }>();
  const stalled = (id: string, print: string): boolean => {
    const before = seen.get(id);
    if (before?.print === print) return now() - before.sinceMs >= stallMs;
    seen.set(id, { print, sinceMs: now() });
    return false;
  };
  return {
    check: async () => {
      const { runs, reproductions } = registry.collections;
      const [open, training] = await Promise.all([
        runs.find({ state: { $lt: firstTerminalState }, claimed: { $exists: false } }),
        reproductions.find({ state: 'training' }),
      ]);
      const alive = new Set([...open, ...training].map(({ _id }) => _id));
      for (const id of [...seen.keys()]) if (!alive.has(id)) seen.delete(id);
      let done = 0;
      for (const run of open) {
        if (!stalled(run._id, await printOf(registry, run))) continue;
        if (await failLost(registry, run, stallMs)) done += 1;
      }
      for (const reproduction of training) {
        if (!stalled(reproduction._id, Object.keys(reproduction.jobs ?? {}).join())) continue;
        if (await failLostReproductions(registry, reproduction)) done += 1;
      }
      return done;
    },
  };
}

/** Calls {@link StallWatch.check} a few times in every `stallMs`; the function returned stops it. */
export function startStallWatch(registry: Registry, stallMs: number): Stop {
  const watch = createStallWatch(registry, stallMs);
  return repeatEvery(Math.min(60_000, Math.max(100, Math.floor(stallMs / 4))), {
    work: () => watch.check(),
    failed: (error) =>
      registry.logger.warn({ err: error }, 'stalled runs could not be looked for, will be tried again'),
  });
}

/**
 * Fails an open run, naming what is missing, where none of that waits in a queue; false where something does, or where the
 * run has an end by now.
 */
export async function failLost(registry: Registry, run: RunDocument, quietMs?: number): Promise<boolean> {
  if (run.claimed === true) return false;
  const missing = missingWork(run);
  const search = await searchOf(registry, run);
  if (await inHand(registry, run, missing, search)) return false;
  const what = search ? `the last that was heard of search ${run._id}: ${search.last}; ` : '';
  const quiet = quietMs === undefined ? '' : `nothing happened for ${quietMs} ms, and `;
  return failRunAt(registry, {
    failure: {
      runId: run._id,
      model: run.model ?? '',
      code: 'RK_RUN_STALLED',
      message: `${what}${quiet}it waits in no queue. rookery runs resume ${run._id} does what is missing`,
      step: search ? 'the trials' : missing.words.join(', '),
      attempts: 0,
      runAttempt: attemptOfRun(run),
    },
    timeMs: registry.clock(),
  });
}

/** The search that takes the place of a plan: until its best trial is known, a run that searches has none. */
async function searchOf({ queues }: Registry, run: RunDocument): Promise<SearchProgress | undefined> {
  return run.started || run.evaluated ? undefined : queues.search(run._id);
}

async function inHand(
  registry: Registry,
  run: RunDocument,
  missing: MissingWork,
  search: SearchProgress | undefined,
): Promise<boolean> {
  const { queues } = registry;
  if (run.evaluated) return queues.decision(run._id);
  if (!run.started)
    return (await queues.plan(run.ingested?.datasetName ?? '', run._id)) || (await search?.inHand()) === true;
  for (const { fold, final } of missing.jobs) if (await queues.job(run._id, fold, final)) return true;
  return queues.evaluation(run._id);
}

async function printOf(registry: Registry, run: RunDocument): Promise<string> {
  const parts = Object.entries(run.jobs ?? {}).map(
    ([name, part]) => `${name}:${Object.keys(part).join('+')}`,
  );
  const { state, updatedAtMs, attempt = 1 } = run;
  const search = (await searchOf(registry, run))?.print ?? '';
  return [state, updatedAtMs, attempt, run.started !== undefined, search, ...parts].join('|');
}
