import type { Outbox, OutboxEntry } from '@rookery/bus';
import { RetryableError, RookeryError, derivedEventId, digestOf, events } from '@rookery/contracts';
import type { ReferenceProfile } from '@rookery/proto/rookery/artifacts/v1/artifacts';
import { MonitorReported } from '@rookery/proto/rookery/events/v1/monitoring';

import type { CaptureDocument, Collections, ReportTrigger } from '../adapters/collections.js';
import { compareWindow } from '../domain/compare-window.js';
import { newestRows } from '../domain/prediction-window.js';
import { versionKey } from '../domain/version-key.js';
import { takenIn } from './taken-in.js';

/** A report that is asked for. */
export interface ReportOrder {
  readonly model: string;
  readonly version: number;
  readonly trigger: ReportTrigger;
  /** Most recent predictions to look at; default the configured window. */
  readonly window?: number;
  /** Names the occasion: the same occasion of the same version is one report. */
  readonly occasion: string;
}

/** Makes reports. */
export interface Reporter {
  /** Compares, keeps the report and announces it. Throws RK_VERSION_NOT_FOUND, RK_REFERENCE_MISSING, RK_NO_CAPTURES. */
  report(order: ReportOrder): Promise<MonitorReported>;
}

/** Reads a reference profile by its sha256. */
export type ReferenceReader = (sha256: string) => Promise<ReferenceProfile>;

/** What reporting needs. */
export interface ReporterPorts {
  readonly collections: Collections;
  readonly references: ReferenceReader;
  readonly outbox: Outbox;
  readonly clock: () => number;
  readonly window: number;
  readonly driftShare: number;
}

/** Batches of the first read, newest first; each further one takes twice as many, until the window is full. */
const firstRead = 64;

/** Reports kept of each version; the oldest go first. They stay in the log as ml.monitor.reported. */
const reportsKept = 500;

/** See {@link Reporter}. The report and the events that announce it are saved in one document. */
export function createReporter(ports: ReporterPorts): Reporter {
  const { collections, outbox } = ports;
  return {
    async report(order) {
      const reportId = `report-${digestOf(20, versionKey(order.model, order.version), order.trigger, order.occasion)}`;
      const existing = await collections.reports.findOne({ _id: reportId });
      if (existing !== null) {
        await outbox.flush(collections.reports, reportId);
        return MonitorReported.fromJSON(JSON.parse(existing.report));
      }
      const taken = await takenIn(collections, versionKey(order.model, order.version));
      const report = await makeReport(ports, order, reportId, taken);
      const createdAtMs = ports.clock();
      const cause = { correlationId: reportId, timeMs: createdAtMs };
      const entries = [
        outbox.entry(events.monitorReported, order.model, report, {
          id: derivedEventId(events.monitorReported.type, reportId),
          ...cause,
        }),
      ];
      if (report.datasetDrift?.drifted) {
        entries.push(driftEntry(outbox, report, createdAtMs));
      }
      await collections.reports.insertMany(
        [
          {
            _id: reportId,
            model: order.model,
            version: order.version,
            windowEndMs: report.windowEndMs,
            createdAtMs,
            trigger: order.trigger,
            taken,
            report: JSON.stringify(MonitorReported.toJSON(report)),
            outbox: entries,
          },
        ],
        { ignoreDuplicates: true },
      );
      await outbox.flush(collections.reports, reportId);
      await pruneReports(collections, order.model, order.version);
      return report;
    },
  };
}

/** The announcement of the drift that a report found. */
export function driftEntry(
  outbox: Pick<Outbox, 'entry'>,
  report: MonitorReported,
  timeMs: number,
): OutboxEntry {
  const { reportId, model, version, datasetDrift, windowStartMs, windowEndMs } = report;
  const columns = report.columns.filter((column) => column.drifted).map((column) => column.name);
  const drift = { reportId, model, version, datasetDrift, columns, windowStartMs, windowEndMs };
  return outbox.entry(events.driftDetected, model, drift, {
    id: derivedEventId(events.driftDetected.type, reportId),
    correlationId: reportId,
    timeMs,
  });
}

async function makeReport(
  ports: ReporterPorts,
  order: ReportOrder,
  reportId: string,
  taken: number,
): Promise<MonitorReported> {
  const { collections } = ports;
  const { model, version } = order;
  const known = await collections.versions.findOne({ _id: versionKey(model, version) });
  if (known === null) {
    throw new RookeryError('RK_VERSION_NOT_FOUND', `The monitor knows no version ${version} of ${model}`, {
      details: { model, version: String(version) },
    });
  }
  if (known.referenceSha256 === '') {
    throw new RetryableError(
      'RK_REFERENCE_MISSING',
      `Version ${version} of ${model} has no reference profile`,
    );
  }
  const size = order.window ?? ports.window;
  const batches = await newestBatches(collections, model, version, size);
  const ids = batches.flatMap((batch) => batch.predictions.map(({ id }) => id));
  if (ids.length === 0) {
    throw new RetryableError(
      'RK_NO_CAPTURES',
      `No prediction of version ${version} of ${model} was captured yet`,
      {
        details: { model, version: String(version) },
      },
    );
  }
  const labels = await labelsOf(collections, ids);
  const findings = compareWindow({
    reference: await ports.references(known.referenceSha256),
    rows: newestRows(batches, size, labels),
    driftShare: ports.driftShare,
  });
  const replicas = await collections.replicas.find({
    [`counts.${versionKey(model, version)}`]: { $exists: true },
  });
  return {
    reportId,
    model,
    version,
    trigger: order.trigger,
    ...findings,
    dropped: replicas.reduce((sum, replica) => sum + replica.dropped, 0),
    taken,
  };
}

/** The newest batches of a version that hold at least `rows` predictions together, or all that are kept. */
export async function newestBatches(
  { captures }: Collections,
  model: string,
  version: number,
  rows: number,
): Promise<CaptureDocument[]> {
  // By id: a batch that comes in between two reads moves the others to the next page.
  const batches = new Map<string, CaptureDocument>();
  let found = 0;
  for (let skip = 0, limit = firstRead; found < rows; skip += limit, limit *= 2) {
    const page = await captures.find({ model, version }, { sort: { timeMs: -1 }, limit, skip });
    for (const batch of page) {
      if (!batches.has(batch._id)) found += batch.predictions.length;
      batches.set(batch._id, batch);
    }
    if (page.length < limit) break;
  }
  return [...batches.values()];
}

/** Removes the oldest reports of a version beyond those that are kept. */
export async function pruneReports({ reports }: Collections, model: string, version: number): Promise<void> {
  const old = await reports.find(
    { model, version },
    { sort: { createdAtMs: -1 }, skip: reportsKept, projection: { _id: 1 } },
  );
  // One that is still to be announced goes at a later call.
  const ids = old.map(({ _id }) => _id);
  if (ids.length > 0) await reports.deleteMany({ _id: { $in: ids }, outbox: { $size: 0 } });
}

/** Ids asked for in one query. */
const idsPerQuery = 2_000;

/** Labels of these predictions by id. */
export async function labelsOf(
  { labels }: Collections,
  ids: readonly string[],
): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (let at = 0; at < ids.length; at += idsPerQuery) {
    for (const { _id, label } of await labels.find({ _id: { $in: ids.slice(at, at + idsPerQuery) } }))
      found.set(_id, label);
  }
  return found;
}
