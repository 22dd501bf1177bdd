import type { Bus, BusEvent, Outbox } from '@rookery/bus';
import { TerminalError, events } from '@rookery/contracts';
import type { RunReproducing } from '@rookery/proto/rookery/events/v1/run';
import type { Collection } from '@rookery/store';

import type { PlanDocument } from '../adapters/plan-collection.js';
import { jobsOfPlan } from '../domain/jobs-of-plan.js';
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
    const { runId, reproductionId, jobs: recorded } = event.data;
    const run = await bus.lastOf(events.runStarted, runId);
    if (!run) {
      throw new TerminalError('RK_RUN_NOT_REPRODUCIBLE', `the log does not hold the plan of run ${runId}`, {
        details: { runId },
      });
    }
    const planned = jobsOfPlan(run.data, 1);
    const entries = recorded.flatMap(({ fold, trained, environment }) => {
      const job = planned[fold];
      if (!job) return [];
      const reproduction = { reproductionId, recorded: trained, environment };
      return jobEntry(outbox, { ...job, reproduction }, { cause: event, correlationId: runId });
    });
    // The plan's document may have been lost with this service's database: what it holds here needs no plan.
    await plans.updateOne(
      { _id: reproductionId },
      { $setOnInsert: { model: run.data.model, outbox: entries } },
      { upsert: true },
    );
    await outbox.flush(plans, reproductionId);
  };
}
