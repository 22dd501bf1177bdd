import { RejectionStage } from '@rookery/proto/rookery/events/v1/model';
import type { ModelRejected } from '@rookery/proto/rookery/events/v1/model';
import type { BusEvent } from '@rookery/bus';

import { versionIdOf } from '../domain/model-document.js';
import { copyOut } from './pending-facts.js';
import type { Registry } from './ports.js';

const keptRefusals = 50;

/** Notes on the version that a replica could not load it; the newest 50 are kept. Our own rejections are passed over. */
export async function recordRefusal(registry: Registry, event: BusEvent<ModelRejected>): Promise<void> {
  const { data } = event;
  if (data.stage !== RejectionStage.REJECTION_STAGE_SERVING) return;
  const { models, versions } = registry.collections;
  const model = await models.findOne({ _id: data.model });
  if (model) await copyOut(registry, model);
  const _id = versionIdOf(data.model, data.version);
  const { matched } = await versions.updateOne(
    { _id, 'refusals.eventId': { $ne: event.id } },
    { $push: { refusals: { $each: [{ eventId: event.id, rejected: data }], $slice: -keptRefusals } } },
  );
  if (matched === 0 && !(await versions.findOne({ _id }))) {
    registry.logger.warn(
      { model: data.model, version: data.version },
      'a replica refused a version that is not registered',
    );
  }
}
