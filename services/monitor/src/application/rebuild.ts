import type { Outbox } from '@rookery/bus';
import { events } from '@rookery/contracts';
import { MonitorReported } from '@rookery/proto/rookery/events/v1/monitoring';
import type { PredictionsCaptured } from '@rookery/proto/rookery/events/v1/monitoring';
import { projection } from '@rookery/service-kit';
import type { RebuildSpec } from '@rookery/service-kit';

import type { Collections, ReportDocument, ReportTrigger } from '../adapters/collections.js';
import { emptyLedger } from '../domain/batch-ledger.js';
import { keepCaptures } from './keep-captures.js';
import type { KeepCapturesPorts } from './keep-captures.js';
import { keepLabel } from './keep-labels.js';
import { keepChampion, keepRegistered } from './keep-models.js';
import { driftEntry, pruneReports } from './reporter.js';
import { takenIn } from './taken-in.js';

/** Id of the replica that stands for captures which the log no longer holds. */
export const beforeTheLog = 'before-the-log';

/** What rebuilding the monitor needs. */
export interface MonitorRebuildPorts extends Omit<KeepCapturesPorts, 'schedule'> {
  readonly outbox: Pick<Outbox, 'entry'>;
  /** Whether the stream of captures has lost its beginning to age or size. */
  readonly capturesTruncated: boolean;
}

/**
 * How the monitor comes out of the log: models, labels and captures by the handlers that consume them, reports as they were
 * announced (none is made anew). Captures that ML_CAPTURES no longer holds stay lost; they are still counted as far as a
 * report tells of them, since the count names the next report.
 */
export function monitorRebuild(ports: MonitorRebuildPorts): RebuildSpec {
  const { collections } = ports;
  const { reports } = collections;
  const keepMove = keepChampion(ports);
  const keepBatch = keepCaptures({ ...ports, schedule: { noticed: () => undefined } });
  /** Reports that found drift and whose ml.drift.detected did not come (yet). */
  const unannounced = new Set<string>();
  return {
    collections: Object.values<{ readonly name: string }>({ ...collections }).map(({ name }) => name),
    outboxes: [reports],
    projections: [
      projection(events.modelRegistered, keepRegistered(ports)),
      projection(events.modelPromoted, keepMove),
      projection(events.modelRolledBack, keepMove),
      projection(events.labelReceived, keepLabel(collections)),
      projection(events.monitorReported, async ({ data, time }) => {
        if (data.datasetDrift?.drifted) unannounced.add(data.reportId);
        await reports.insertMany([reportDocument(data, time)], { ignoreDuplicates: true });
      }),
      projection(events.driftDetected, async ({ data }) => void unannounced.delete(data.reportId)),
      projection(events.predictionCaptured, async (event) => {
        if (ports.capturesTruncated) await passOver(collections, event.data);
        await keepBatch(event);
      }),
    ],
    finish: async () => {
      for (const { _id: key, model, version } of await collections.versions.find({})) {
        await pruneReports(collections, model, version);
        await countReported(collections, key, model, version);
      }
      for (const reportId of unannounced) await announceDrift(ports, reportId);
    },
  };
}

/** A report as it was announced. */
export function reportDocument(data: MonitorReported, time: Date): ReportDocument {
  return {
    _id: data.reportId,
    model: data.model,
    version: data.version,
    windowEndMs: data.windowEndMs,
    createdAtMs: time.getTime(),
    trigger: data.trigger as ReportTrigger,
    taken: data.taken || data.predictions,
    report: JSON.stringify(MonitorReported.toJSON(data)),
    outbox: [],
  };
}

/** Batches of a life before the first one that is left are gone by age, not lost on their way. */
async function passOver(
  { replicas }: Collections,
  { replicaLife, batch }: PredictionsCaptured,
): Promise<void> {
  if (batch <= 1) return;
  const before = batch - 1;
  const gone = {
    _id: replicaLife,
    batches: before,
    lastBatch: before,
    dropped: 0,
    counts: {},
    ledger: { through: before, beyond: [] },
  };
  await replicas.insertMany([gone], { ignoreDuplicates: true });
}

async function countReported(
  collections: Collections,
  key: string,
  model: string,
  version: number,
): Promise<void> {
  const { reports, replicas } = collections;
  const [last] = await reports.find({ model, version }, { sort: { taken: -1 }, limit: 1 });
  const missing = (last?.taken ?? 0) - (await takenIn(collections, key));
  if (missing <= 0) return;
  const empty = { batches: 0, lastBatch: 0, dropped: 0, ledger: emptyLedger };
  await replicas.updateOne(
    { _id: beforeTheLog },
    { $setOnInsert: empty, $inc: { [`counts.${key}`]: missing } },
    { upsert: true },
  );
}

async function announceDrift(
  { collections: { reports }, outbox }: MonitorRebuildPorts,
  reportId: string,
): Promise<void> {
  const document = await reports.findOne({ _id: reportId });
  if (document === null) return;
  const entry = driftEntry(
    outbox,
    MonitorReported.fromJSON(JSON.parse(document.report)),
    document.createdAtMs,
  );
  await reports.updateOne(
    { _id: reportId, 'outbox.id': { $ne: entry.id } },
    { $push: { outbox: { $each: [entry] } } },
  );
}
