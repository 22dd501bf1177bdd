import type { GetStatusRequest, GetStatusResponse } from '@rookery/proto/rookery/monitor/v1/monitor';

import type { Collections } from '../adapters/collections.js';

/**
 * Handler of MonitorService.GetStatus: what was taken in of each watched version, newest version first. What replicas
 * dropped, and batches that are missing, can't be told apart by version: each version shows those of the replicas that
 * served it.
 */
export function monitorStatus(
  collections: Collections,
): (request: GetStatusRequest) => Promise<GetStatusResponse> {
  return async ({ model }) => {
    const [versions, replicas, waitingLabels] = await Promise.all([
      collections.versions.find(model === '' ? {} : { model }, { sort: { model: 1, version: -1 } }),
      collections.replicas.find({}, { projection: { ledger: 0 } }),
      collections.labels.count({ versionKey: { $exists: false } }),
    ]);
    const models = await Promise.all(
      versions.map(async (version) => {
        const serving = replicas.filter((replica) => replica.counts[version._id] !== undefined);
        const [labelled, reports] = await Promise.all([
          collections.labels.count({ versionKey: version._id }),
          collections.reports.find(
            { model: version.model, version: version.version },
            { sort: { createdAtMs: -1 }, limit: 1, projection: { _id: 1 } },
          ),
        ]);
        return {
          model: version.model,
          version: version.version,
          captured: serving.reduce((sum, replica) => sum + (replica.counts[version._id] ?? 0), 0),
          labelled,
          dropped: serving.reduce((sum, replica) => sum + replica.dropped, 0),
          lostBatches: serving.reduce(
            (sum, replica) => sum + Math.max(0, replica.lastBatch - replica.batches),
            0,
          ),
          waitingLabels,
          lastReportId: reports[0]?._id ?? '',
        };
      }),
    );
    return { models };
  };
}
