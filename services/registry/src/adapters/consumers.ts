import type { Bus, BusEvent } from '@rookery/bus';
import { attemptOf, events } from '@rookery/contracts';

import { decideEvaluated } from '../application/decide-run.js';
import { failRun } from '../application/end-run.js';
import type { Registry } from '../application/ports.js';
import { applyProjection } from '../application/project-runs.js';
import { recordRefusal } from '../application/record-refusal.js';
import { failReproduction, keepReproduced } from '../application/reproduce-run.js';
import { reproductionFailureOf } from '../domain/reproduction-failure.js';
import { failureOf } from '../domain/run-failure.js';
import {
  projectFoldEvaluated,
  projectIngested,
  projectStarted,
  projectSwapped,
  projectTrained,
} from '../domain/run-projection.js';
import type { ProjectedMeta, Projection } from '../domain/run-projection.js';

/** What the registry consumes: one durable a kind of event. */
export async function startConsumers(bus: Pick<Bus, 'consume'>, registry: Registry): Promise<void> {
  const projected =
    <T>(project: (data: T, meta: ProjectedMeta) => Projection | undefined) =>
    async (event: BusEvent<T>): Promise<void> => {
      const projection = project(event.data, event);
      if (projection) await applyProjection(registry, projection);
    };
  await Promise.all([
    bus.consume(events.datasetIngested, {
      durable: 'registry-dataset-ingested',
      concurrency: 4,
      handler: projected(projectIngested),
    }),
    bus.consume(events.runStarted, {
      durable: 'registry-run-started',
      concurrency: 4,
      handler: projected(projectStarted),
    }),
    bus.consume(events.foldTrained, {
      durable: 'registry-fold-trained',
      concurrency: 8,
      handler: projected(projectTrained),
    }),
    bus.consume(events.foldEvaluated, {
      durable: 'registry-fold-evaluated',
      concurrency: 8,
      handler: projected(projectFoldEvaluated),
    }),
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
    bus.consume(events.inferenceSwapped, {
      durable: 'registry-inference-swapped',
      concurrency: 4,
      handler: projected(projectSwapped),
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
