import type { Bus } from '@rookery/bus';
import { events, isKey } from '@rookery/contracts';

import { projectIngested, projectStarted } from '../domain/run-projection.js';
import type { Projection } from '../domain/run-projection.js';
import type { EventLog } from '../application/ports.js';

/**
 * Reads the beginning of a run from the stream. Needed only where `run.evaluated` came by before the events that
 * caused it, such as after a long stop.
 */
export function createEventLog(bus: Pick<Bus, 'replay'>): EventLog {
  return {
    beginningOf: async (runId) => {
      const found: Projection[] = [];
      let dataset = '';
      const started = await bus.replay(events.runStarted, {
        key: runId,
        untilCaughtUp: true,
        onEvent: (event) => {
          dataset = event.data.datasetName;
          found.push(projectStarted(event.data, event));
        },
      });
      await started.done;
      const ingested = await bus.replay(events.datasetIngested, {
        ...(isKey(dataset) ? { key: dataset } : {}),
        untilCaughtUp: true,
        onEvent: (event) => {
          const projection = projectIngested(event.data, event);
          if (projection.runId === runId) found.push(projection);
        },
      });
      await ingested.done;
      return found;
    },
  };
}
