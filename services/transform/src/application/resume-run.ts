import type { Bus, BusEvent } from '@rookery/bus';
import { TerminalError, events, runIdOf } from '@rookery/contracts';
import type { DatasetIngested } from '@rookery/proto/rookery/events/v1/dataset';
import type { FoldJob, RunResumed, RunStarted } from '@rookery/proto/rookery/events/v1/run';

import { jobsOfRun } from '../domain/jobs-of-run.js';
import { jobEntry, startAttempt } from './start-run.js';
import type { StartRunPorts } from './start-run.js';

/** What resuming needs. */
export interface ResumeRunPorts extends StartRunPorts {
  readonly bus: Pick<Bus, 'lastOf' | 'replay'>;
}

/**
 * Handler of ml.run.resumed: sends the jobs that have no trained model, and those alone. What is trained is read from the
 * log, and its artifact must be there; a run without a plan is planned from its data set. The folds of an attempt are
 * saved once with the jobs, so a redelivery sends nothing new. Throws RK_RUN_NOT_REPRODUCIBLE where the log holds neither
 * plan nor data set of the run, RK_ARTIFACT_UNAVAILABLE, and what {@link startAttempt} throws.
 */
export function resumeRun(ports: ResumeRunPorts): (event: BusEvent<RunResumed>) => Promise<void> {
  return async (event) => {
    const { plans, outbox, bus } = ports;
    const { runId, runAttempt } = event.data;
    // A plan that was saved and could not be announced goes out first.
    await outbox.flush(plans, runId);
    const run = await bus.lastOf(events.runStarted, runId);
    if (!run) {
      await startAttempt(ports, await ingestedOf(bus, event.data), runAttempt);
      await refuseEndedSearch(ports, runId);
      return;
    }
    const jobs = await missingJobs(ports, run.data, runAttempt);
    const path = `resumed.${runAttempt}`;
    // The document may be gone with this service's database; the log has the plan.
    const { model, bundles } = run.data;
    await plans.updateOne({ _id: runId }, { $setOnInsert: { model, bundles } }, { upsert: true });
    await plans.updateOne(
      { _id: runId, [path]: { $exists: false } },
      {
        $set: { [path]: jobs.map((job) => job.fold) },
        ...(jobs.length > 0
          ? {
              $push: {
                outbox: {
                  $each: jobs.map((job) => jobEntry(outbox, job, event)),
                },
              },
            }
          : {}),
      },
    );
    await outbox.flush(plans, runId);
  };
}

/** The jobs of a plan for which the log has no trained model whose artifact is there. */
async function missingJobs(ports: ResumeRunPorts, run: RunStarted, runAttempt: number): Promise<FoldJob[]> {
  const trained: TrainedFolds = new Map();
  const replay = await ports.bus.replay(events.foldTrained, {
    key: run.runId,
    onEvent: ({ data }) => void trained.set(data.fold, data.trained?.sha256 ?? ''),
  });
  await replay.done;
  return untrainedJobs(ports, run, runAttempt, trained);
}

/** Sha256 of the model by fold. */
export type TrainedFolds = Map<number, string>;

/** The jobs of a plan without a trained model among these whose artifact is there. */
export async function untrainedJobs(
  ports: Pick<ResumeRunPorts, 'artifacts'>,
  run: RunStarted,
  runAttempt: number,
  trained: TrainedFolds,
): Promise<FoldJob[]> {
  const jobs = jobsOfRun(run, runAttempt);
  const there = await Promise.all(
    jobs.map(async ({ fold }) => {
      const sha256 = trained.get(fold);
      return sha256 !== undefined && sha256 !== '' && (await ports.artifacts.has(sha256));
    }),
  );
  return jobs.filter((_, index) => there[index] !== true);
}

/** A search that has ended without a run tries nothing again: its attempts are what they are. */
async function refuseEndedSearch({ bus }: ResumeRunPorts, runId: string): Promise<void> {
  if (!(await bus.lastOf(events.searchStarted, runId)) || (await bus.lastOf(events.runStarted, runId)))
    return;
  const failed = await bus.lastOf(events.runFailed, runId);
  if (failed?.data.step !== 'search') return;
  throw new TerminalError('RK_SEARCH_FAILED', `the search of run ${runId} has ended without a score`, {
    details: { runId },
    hint: 'Publish the data set again with another search.',
  });
}

/** The event that a run without a plan began with; throws RK_RUN_NOT_REPRODUCIBLE where the log has none. */
async function ingestedOf(
  bus: Pick<Bus, 'replay'>,
  { runId, datasetName }: RunResumed,
): Promise<BusEvent<DatasetIngested>> {
  let found: BusEvent<DatasetIngested> | undefined;
  const replay = await bus.replay(events.datasetIngested, {
    ...(datasetName === '' ? {} : { key: datasetName }),
    onEvent: (event) => {
      if (runIdOf(event.data.requestEventId) === runId) found = event;
    },
  });
  await replay.done;
  if (found) return found;
  throw new TerminalError(
    'RK_RUN_NOT_REPRODUCIBLE',
    `the log holds neither a plan nor a data set of run ${runId}`,
    { details: { runId }, hint: 'Publish the data set again for a new run.' },
  );
}
