import type { BusEvent } from '@rookery/bus';
import type { RunCancelled } from '@rookery/proto/rookery/events/v1/run';
import type { Collection } from '@rookery/store';

import type { EvaluationDocument } from '../adapters/evaluation-collection.js';

/** Handler of ml.run.cancelled: from then on nothing of the run is kept or joined, whatever still comes in. */
export function stopEvaluation(ports: {
  readonly evaluations: Collection<EvaluationDocument>;
}): (event: BusEvent<RunCancelled>) => Promise<void> {
  return async ({ data }) => {
    await ports.evaluations.updateOne({ _id: data.runId }, { $set: { cancelled: true } }, { upsert: true });
  };
}
