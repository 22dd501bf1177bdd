import type { Bus } from '@rookery/bus';
import { events } from '@rookery/contracts';
import { DatasetReady } from '@rookery/proto/rookery/events/v1/dataset';

import type { DataSets } from './data-sets.js';
import type { Published } from './history.js';
import { expectationOf } from './schedule.js';
import type { PlannedDataset } from './schedule.js';

const attempts = 5;

/** Publishes a data set, with the same id, until the broker has it: that it never came is not among the faults. */
export async function publishDataset(
  bus: Bus,
  dataSets: DataSets,
  planned: PlannedDataset,
  eventId: string,
  round: number,
): Promise<Published> {
  const request = dataSets.request(planned);
  const data = DatasetReady.fromPartial(request);
  for (let attempt = 1; ; attempt++) {
    try {
      await bus.publish(events.datasetReady, '', data, { id: eventId });
      const { kind, model } = planned;
      return { eventId, name: request.name, model, expected: expectationOf[kind], round };
    } catch (error) {
      if (attempt === attempts) throw error;
    }
  }
}
