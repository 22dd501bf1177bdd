import type { BusEvent } from '@rookery/bus';
import { RunStarted } from '@rookery/proto/rookery/events/v1/run';
import type { Collection } from '@rookery/store';

import type { EvaluationDocument } from '../adapters/evaluation-collection.js';
import type { ArtifactReader } from './artifact-reader.js';
import type { JoinRun } from './join-run.js';

/**
 * Handler of ml.run.started: keeps the plan that the join waits for, and joins if everything else was there before. The
 * data set is read ahead, so that it is in memory when the first fold comes.
 */
export function keepPlan(ports: {
  readonly evaluations: Collection<EvaluationDocument>;
  readonly reader: ArtifactReader;
  readonly join: JoinRun;
}): (event: BusEvent<RunStarted>) => Promise<void> {
  return async (event) => {
    const run = event.data;
    await ports.evaluations.updateOne(
      { _id: run.runId },
      { $set: { plan: JSON.stringify(RunStarted.toJSON(run)) } },
      { upsert: true },
    );
    await ports.join(run.runId, event);
    // Only a head start: whoever needs the table reads it again and meets the error there.
    if (run.dataset) await ports.reader.table(run.dataset.sha256).catch(() => undefined);
  };
}
