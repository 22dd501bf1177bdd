import { TerminalError } from '@rookery/contracts';
import type { Run, RunState } from '@rookery/proto/rookery/registry/v1/registry';

import type { RunDocument } from '../domain/run-document.js';
import { isTerminal } from '../domain/run-state.js';
import { runView } from '../domain/run-view.js';
import { copyOutAll, pendingRun } from './pending-facts.js';
import type { Registry } from './ports.js';

type Reader = Pick<Registry, 'collections'>;

const defaultLimit = 50;
const maxLimit = 500;

/** Number of documents for a page: 0 means the default, and there is a cap. */
export function pageSize(limit: number): number {
  return limit === 0 ? defaultLimit : Math.min(limit, maxLimit);
}

/** A run with its decision, also where that is in the model's document only; null where there is none. */
export async function findRun(registry: Reader, runId: string): Promise<RunDocument | null> {
  const { runs, models } = registry.collections;
  if (runId === '') return null;
  const run = await runs.findOne({ _id: runId });
  if (!run?.claimed || isTerminal(run.state) || run.model === undefined) return run;
  const decided = pendingRun(await models.findOne({ _id: run.model }), runId);
  if (decided) return { ...run, state: decided.state, end: decided.end };
  // Not in the model's document: not decided, or copied out between the two reads.
  return runs.findOne({ _id: runId });
}

/** One run as the API shows it, or RK_RUN_NOT_FOUND. */
export async function getRun(registry: Reader, runId: string): Promise<Run> {
  const run = await findRun(registry, runId);
  if (!run) throw runNotFound(runId);
  return runView(run);
}

/** The error for an unknown run. */
export function runNotFound(runId: string): TerminalError {
  return new TerminalError('RK_RUN_NOT_FOUND', `there is no run ${JSON.stringify(runId)}`, {
    details: { runId },
  });
}

/**
 * Runs by model and state, the newest first, without the per-epoch history of their jobs. Decisions still being copied
 * out are copied first, so that a run that was seen to end is listed as ended.
 */
export async function listRuns(
  registry: Pick<Registry, 'collections' | 'changes'>,
  request: { model: string; state: RunState; limit: number; offset: number },
): Promise<{ runs: Run[]; total: number }> {
  await copyOutAll(registry);
  const filter = {
    ...(request.model === '' ? {} : { model: request.model }),
    ...(request.state === 0 ? {} : { state: request.state }),
  };
  const { runs } = registry.collections;
  const [page, total] = await Promise.all([
    runs.find(filter, { sort: { createdAtMs: -1 }, limit: pageSize(request.limit), skip: request.offset }),
    runs.count(filter),
  ]);
  return { runs: page.map((run) => withoutHistory(runView(run))), total };
}

function withoutHistory(run: Run): Run {
  return { ...run, jobs: run.jobs.map((job) => ({ ...job, history: undefined })) };
}
