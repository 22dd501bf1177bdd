import type { Bus, BusEvent, Consumption } from '@rookery/bus';
import { events } from '@rookery/contracts';
import type { EventType } from '@rookery/contracts';
import { projection } from '@rookery/service-kit';
import type { LogProjection } from '@rookery/service-kit';

import {
  projectFoldEvaluated,
  projectIngested,
  projectStarted,
  projectSwapped,
  projectTrained,
} from '../domain/run-projection.js';
import type { ProjectedMeta, Projection } from '../domain/run-projection.js';
import type { Registry } from './ports.js';
import { applyProjection } from './project-runs.js';

/** An event of others that is written into its run, and decides nothing: as it comes, and out of the log. */
export interface RunProjection {
  readonly rebuild: LogProjection;
  consume(bus: Pick<Bus, 'consume'>): Promise<Consumption>;
}

/** The events of others that a run is made of. */
export function runProjections(registry: Registry): readonly RunProjection[] {
  const row = <T>(
    event: EventType<T>,
    consumer: { readonly durable: string; readonly concurrency: number },
    project: (data: T, meta: ProjectedMeta) => Projection | undefined,
  ): RunProjection => {
    const apply = async (stored: BusEvent<T>): Promise<void> => {
      const found = project(stored.data, stored);
      if (found) await applyProjection(registry, found);
    };
    return {
      rebuild: projection(event, apply),
      consume: (bus) => bus.consume(event, { ...consumer, handler: apply }),
    };
  };
  return [
    row(events.datasetIngested, { durable: 'registry-dataset-ingested', concurrency: 4 }, projectIngested),
    row(events.runStarted, { durable: 'registry-run-started', concurrency: 4 }, projectStarted),
    row(events.foldTrained, { durable: 'registry-fold-trained', concurrency: 8 }, projectTrained),
    row(events.foldEvaluated, { durable: 'registry-fold-evaluated', concurrency: 8 }, projectFoldEvaluated),
    row(events.inferenceSwapped, { durable: 'registry-inference-swapped', concurrency: 4 }, projectSwapped),
  ];
}
