import { randomUUID } from 'node:crypto';

import {
  derivedEventId,
  digestOf,
  events,
  requireKey,
  RetryableError,
  RookeryError,
  TerminalError,
} from '@rookery/contracts';
import type { EventMeta } from '@rookery/bus';
import { FoldReproduced } from '@rookery/proto/rookery/events/v1/run';
import type { RecordedJob, RunReproducing } from '@rookery/proto/rookery/events/v1/run';
import { RunState } from '@rookery/proto/rookery/registry/v1/registry';
import type { Reproduction } from '@rookery/proto/rookery/registry/v1/registry';

import type { ReproductionFailure } from '../domain/reproduction-failure.js';
import {
  reproducedOf,
  reproductionOf,
  reproductionView,
  stateOfResult,
} from '../domain/reproduction-document.js';
import type { ReproductionDocument } from '../domain/reproduction-document.js';
import type { RunDocument } from '../domain/run-document.js';
import { jobNameOf } from '../domain/run-projection.js';
import { isTerminal } from '../domain/run-state.js';
import { planOf } from '../domain/run-view.js';
import type { Registry } from './ports.js';
import { findRun, pageSize, runNotFound } from './read-runs.js';

/**
 * Begins to train a run again from what it recorded, to compare the weights. Neither the run nor the model's versions and
 * aliases change: nothing of it is evaluated, registered or judged.
 *
 * Errors: RK_RUN_NOT_FOUND; RK_RUN_UNDER_WAY; RK_RUN_NOT_REPRODUCIBLE where no job of it was trained.
 */
export async function reproduceRun(
  registry: Registry,
  request: { runId: string; actor: string },
): Promise<Reproduction> {
  const run = await findRun(registry, request.runId);
  if (!run) throw runNotFound(request.runId);
  if (!isTerminal(run.state)) {
    throw new TerminalError(
      'RK_RUN_UNDER_WAY',
      `run ${run._id} is under way: its models are not all there yet`,
      {
        details: { runId: run._id },
      },
    );
  }
  const jobs = recordedJobs(run);
  if (!planOf(run) || jobs.length === 0) {
    throw new TerminalError(
      'RK_RUN_NOT_REPRODUCIBLE',
      `run ${run._id} has no trained model to compare with`,
      {
        details: { runId: run._id },
      },
    );
  }
  const completed = run.state === RunState.RUN_STATE_PROMOTED || run.state === RunState.RUN_STATE_REJECTED;
  if (completed && jobs.length <= (planOf(run)?.folds ?? 0)) {
    // Decided by the join; the event of a job is still on its way to this service.
    throw new RetryableError('RK_UNAVAILABLE', `run ${run._id} has only just ended: try again`);
  }
  const data: RunReproducing = {
    reproductionId: `rep-${digestOf(16, 'reproduction', run._id, randomUUID())}`,
    runId: run._id,
    model: run.model ?? '',
    actor: request.actor || 'user',
    timeMs: registry.clock(),
    jobs,
  };
  const { reproductions } = registry.collections;
  const entry = registry.outbox.entry(events.runReproducing, requireKey(run._id, 'run id'), data, {
    id: derivedEventId(events.runReproducing.type, data.reproductionId),
    correlationId: run._id,
  });
  const document = { ...reproductionOf(data), outbox: [entry] };
  await reproductions.insertOne(document);
  await announced(registry, data.reproductionId);
  registry.logger.info(
    { runId: run._id, reproductionId: data.reproductionId, jobs: jobs.length, actor: data.actor },
    'run is reproduced',
  );
  return reproductionView(document);
}

/** Takes in the result of one job, and joins when it was the last. The same again changes nothing. */
export async function keepReproduced(
  registry: Registry,
  data: FoldReproduced,
  cause?: EventMeta,
): Promise<void> {
  const { reproductions } = registry.collections;
  const path = `jobs.${jobNameOf(data.fold, data.final)}`;
  await reproductions.updateOne(
    { _id: data.reproductionId, [path]: { $exists: false } },
    { $set: { [path]: data } },
  );
  await joinReproduction(registry, data.reproductionId, cause);
}

/** Notes why a reproduction, or a job of it, could not be done: it ends, and says so. */
export async function failReproduction(
  registry: Registry,
  failure: ReproductionFailure,
  cause?: EventMeta,
): Promise<void> {
  const document = await registry.collections.reproductions.findOne({ _id: failure.reproductionId });
  if (!document) return;
  const jobs = failure.job ? [failure.job] : missingOf(document);
  for (const { fold, final } of jobs) {
    const { code, message } = failure;
    const { _id: reproductionId, runId } = document;
    await keepReproduced(
      registry,
      FoldReproduced.fromPartial({ reproductionId, runId, fold, final, code, message }),
      cause,
    );
  }
}

/** Ends a reproduction whose missing jobs wait in no queue any more; false where one does. */
export async function failLostReproductions(
  registry: Registry,
  document: ReproductionDocument,
): Promise<boolean> {
  const { _id: reproductionId, runId } = document;
  for (const { fold, final } of missingOf(document)) {
    if (await registry.queues.reproduction(reproductionId, runId, fold, final)) return false;
  }
  const message = 'its job waits in no queue any more';
  await failReproduction(registry, { reproductionId, code: 'RK_RUN_STALLED', message });
  return true;
}

/** A reproduction as it stands. Errors: RK_REPRODUCTION_NOT_FOUND. */
export async function getReproduction(
  registry: Pick<Registry, 'collections'>,
  reproductionId: string,
): Promise<Reproduction> {
  const document =
    reproductionId === '' ? null : await registry.collections.reproductions.findOne({ _id: reproductionId });
  if (document) return reproductionView(document);
  throw new TerminalError(
    'RK_REPRODUCTION_NOT_FOUND',
    `there is no reproduction ${JSON.stringify(reproductionId)}`,
    { details: { reproductionId } },
  );
}

/** Reproductions of a run, the newest first. */
export async function listReproductions(
  registry: Pick<Registry, 'collections'>,
  request: { runId: string; limit: number },
): Promise<Reproduction[]> {
  const found = await registry.collections.reproductions.find(
    { runId: request.runId },
    { sort: { requestedAtMs: -1 }, limit: pageSize(request.limit) },
  );
  return found.map(reproductionView);
}

/** Ends a reproduction whose jobs are all in, with its announcement, once; nothing where one is missing. */
export async function joinReproduction(
  registry: Registry,
  reproductionId: string,
  cause: EventMeta | undefined,
): Promise<void> {
  const { reproductions } = registry.collections;
  const document = await reproductions.findOne({ _id: reproductionId });
  if (!document) {
    registry.logger.warn({ reproductionId }, 'a job was reproduced for a reproduction that is not known');
    return;
  }
  const result = document.state === 'training' ? reproducedOf(document, registry.clock()) : undefined;
  if (result) {
    const state = stateOfResult(result);
    const entry = registry.outbox.entry(events.runReproduced, document.runId, result, {
      id: derivedEventId(events.runReproduced.type, reproductionId),
      ...(cause ? { cause } : {}),
      correlationId: document.runId,
    });
    await reproductions.updateOne(
      { _id: reproductionId, state: 'training' },
      {
        $set: { state, endedAtMs: result.timeMs, differences: result.differences },
        $push: { outbox: entry },
      },
    );
    registry.logger.info({ reproductionId, runId: document.runId, state }, 'run reproduced');
  }
  await registry.outbox.flush(reproductions, reproductionId);
}

function recordedJobs(run: RunDocument): RecordedJob[] {
  const folds = planOf(run)?.folds ?? 0;
  return Array.from({ length: folds + 1 }, (_, fold) => ({ fold, final: fold === folds })).flatMap((job) => {
    const trained = run.jobs?.[jobNameOf(job.fold, job.final)]?.trained;
    return trained?.trained ? [{ ...job, trained: trained.trained, environment: trained.environment }] : [];
  });
}

function missingOf(document: ReproductionDocument): RecordedJob[] {
  return document.recorded.filter(({ fold, final }) => !document.jobs?.[jobNameOf(fold, final)]);
}

async function announced(registry: Registry, reproductionId: string): Promise<void> {
  try {
    await registry.outbox.flush(registry.collections.reproductions, reproductionId);
  } catch (error) {
    if (!(error instanceof RookeryError) || error.code !== 'RK_BUS_UNAVAILABLE') throw error;
    registry.logger.warn({ err: error, reproductionId }, 'a reproduction will be announced later');
  }
}
