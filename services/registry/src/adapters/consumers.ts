import type { Bus } from '@rookery/bus';
import { attemptOf, events } from '@rookery/contracts';

import { decideEvaluated } from '../application/decide-run.js';
import { failRun } from '../application/end-run.js';
import type { Registry } from '../application/ports.js';
import { recordRefusal } from '../application/record-refusal.js';
import { failReproduction, keepReproduced } from '../application/reproduce-run.js';
import { runProjections } from '../application/run-projections.js';
import { reproductionFailureOf } from '../domain/reproduction-failure.js';
import { failureOf } from '../domain/run-failure.js';

/** What the registry consumes: one durable a kind of event. */
export async function startConsumers(bus: Pick<Bus, 'consume'>, registry: Registry): Promise<void> {
  await Promise.all([
    ...runProjections(registry).map(({ consume }) => consume(bus)),
    bus.consume(events.runEvaluated, {
      durable: 'registry-run-evaluated',
      concurrency: 8,
      handler: (event) => decideEvaluated(registry, event),
    }),
    bus.consume(events.runFailed, {
      durable: 'registry-run-failed',
      handler: async (event) => {
        const failure = { ...event.data, runAttempt: attemptOf(event.data.runAttempt) };
        await failRun(registry, failure, event, false);
      },
    }),
    bus.consume(events.foldReproduced, {
      durable: 'registry-fold-reproduced',
      concurrency: 4,
      handler: (event) => keepReproduced(registry, event.data, event),
    }),
    bus.consume(events.modelRejected, {
      durable: 'registry-model-rejected',
      handler: (event) => recordRefusal(registry, event),
    }),
    bus.consume(events.deadLetter, {
      durable: 'registry-dead-letters',
      handler: async (event) => {
        const failure = failureOf(event.data);
        if (failure) await failRun(registry, failure, event);
        const reproduction = reproductionFailureOf(event.data);
        if (reproduction) await failReproduction(registry, reproduction, event);
      },
    }),
  ]);
}
