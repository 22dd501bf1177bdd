import type { Bus, BusEvent, EventMeta, Outbox, OutboxEntry } from '@rookery/bus';
import { TerminalError, events } from '@rookery/contracts';
import type { RunReproducing, RunStarted } from '@rookery/proto/rookery/events/v1/run';
import type { Collection } from '@rookery/store';

import type { PlanDocument } from '../adapters/plan-collection.js';
import { jobsOfRun } from '../domain/jobs-of-run.js';
import { jobEntry } from './start-run.js';

/** What reproducing needs. */
export interface ReproduceRunPorts {
  readonly plans: Collection<PlanDocument>;
  readonly outbox: Outbox;
  readonly bus: Pick<Bus, 'lastOf'>;
}

/**
 * Handler of ml.run.reproducing: sends the recorded jobs of the run's plan again, each with the model that it is to be
 * compared with. Saved once a reproduction with the jobs, so a redelivery sends nothing new. Throws
 * RK_RUN_NOT_REPRODUCIBLE where the log does not hold the run's plan.
 */
export function reproduceRun({
  plans,
  outbox,
  bus,
}: ReproduceRunPorts): (event: BusEvent<RunReproducing>) => Promise<void> {
  return async (event) => {
    const { runId, reproductionId } = event.data;
    const run = await bus.lastOf(events.runStarted, runId);
    if (!run) {
      throw new TerminalError('RK_RUN_NOT_REPRODUCIBLE', `the log does not hold the plan of run ${runId}`, {
        details: { runId },
      });
    }
    const entries = jobsOfReproduction(outbox, run.data, event.data, event);
    // The plan's document may have been lost with this service's database: what it holds here needs no plan.
    await plans.updateOne(
      { _id: reproductionId },
      { $setOnInsert: { model: run.data.model, outbox: entries } },
      { upsert: true },
    );
    await outbox.flush(plans, reproductionId);
  };
}

/** The announcements of the recorded jobs of a run, each with the model that it is to be compared with. */
export function jobsOfReproduction(
  outbox: Pick<Outbox, 'entry'>,
  run: RunStarted,
  { reproductionId, jobs: recorded }: Pick<RunReproducing, 'reproductionId' | 'jobs'>,
  cause: EventMeta,
): OutboxEntry[] {
  const planned = jobsOfRun(run, 1);
  return recorded.flatMap(({ fold, trained, environment }) => {
    const job = planned[fold];
    if (!job) return [];
    const reproduction = { reproductionId, recorded: trained, environment };
    return jobEntry(outbox, { ...job, reproduction }, cause);
  });
}
