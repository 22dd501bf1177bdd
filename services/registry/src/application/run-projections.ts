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
    durable: string,
    concurrency: number,
    project: (data: T, meta: ProjectedMeta) => Projection | undefined,
  ): RunProjection => {
    const apply = async (stored: BusEvent<T>): Promise<void> => {
      const found = project(stored.data, stored);
      if (found) await applyProjection(registry, found);
    };
    return {
      rebuild: projection(event, apply),
      consume: (bus) => bus.consume(event, { durable, concurrency, handler: apply }),
    };
  };
  return [
    row(events.datasetIngested, 'registry-dataset-ingested', 4, projectIngested),
    row(events.runStarted, 'registry-run-started', 4, projectStarted),
    row(events.foldTrained, 'registry-fold-trained', 8, projectTrained),
    row(events.foldEvaluated, 'registry-fold-evaluated', 8, projectFoldEvaluated),
    row(events.inferenceSwapped, 'registry-inference-swapped', 4, projectSwapped),
  ];
}
