import { randomUUID } from 'node:crypto';

import { requireKey, RookeryError } from '@rookery/contracts';
import { MonitorReported } from '@rookery/proto/rookery/events/v1/monitoring';
import type { MonitorServiceServer, RunReportRequest } from '@rookery/proto/rookery/monitor/v1/monitor';
import { unary } from '@rookery/service-kit';

import type { Collections } from '../adapters/collections.js';
import { versionKey } from '../domain/version-key.js';
import type { CaptureSignal } from './capture-signal.js';
import type { Reporter } from './reporter.js';
import { newestBatches } from './reporter.js';
import { takenIn } from './taken-in.js';

/** Longest time that a caller may wait for captures, milliseconds. */
const longestWaitMs = 60_000;

/** Most reports of one listing, and most bytes of their texts: an answer must fit into a message of 4 MiB. */
const mostReports = 1_000;
const mostReportBytes = 3 * 1024 * 1024;

/**
 * The RPCs about reports. RunReport with `wait_ms` waits until the version is known and `min_predictions` (at least one) of
 * its predictions were captured, or the time is over; then it reports what there is.
 */
export function reportRequests(ports: {
  readonly reporter: Reporter;
  readonly collections: Collections;
  readonly captured: CaptureSignal;
}): Pick<MonitorServiceServer, 'runReport' | 'listReports' | 'getReport'> {
  const { reporter, collections, captured } = ports;
  return {
    runReport: unary(async (request: RunReportRequest, { signal }: { signal: AbortSignal }) => {
      if (request.model === '') {
        throw new RookeryError('RK_REQUEST_INVALID', 'The request names no model', {
          details: { field: 'model' },
        });
      }
      requireKey(request.model, 'model');
      if (request.waitMs > 0) {
        const waitMs = Math.min(request.waitMs, longestWaitMs);
        await captured.waitUntil(request.model, () => isReady(collections, request), waitMs, signal);
      }
      const version = await versionOf(collections, request.model, request.version);
      const report = await reporter.report({
        model: request.model,
        version,
        trigger: 'on_demand',
        occasion: randomUUID(),
        ...(request.window > 0 ? { window: request.window } : {}),
      });
      return { report };
    }),
    listReports: unary(async ({ model, limit }) => {
      const documents = await collections.reports.find(model === '' ? {} : { model }, {
        sort: { createdAtMs: -1 },
        limit: Math.min(limit || 20, mostReports),
      });
      let bytes = 0;
      const fitting = documents.filter(({ report }, k) => {
        bytes += report.length;
        return k === 0 || bytes <= mostReportBytes;
      });
      return { reports: fitting.map(({ report }) => MonitorReported.fromJSON(JSON.parse(report))) };
    }),
    getReport: unary(async ({ reportId }) => {
      const document = await collections.reports.findOne({ _id: reportId });
      if (document === null) {
        throw new RookeryError('RK_REPORT_NOT_FOUND', `There is no report ${JSON.stringify(reportId)}`, {
          details: { reportId },
        });
      }
      return { report: MonitorReported.fromJSON(JSON.parse(document.report)) };
    }),
  };
}

/** The version asked for, or the champion for 0; throws RK_MODEL_NOT_FOUND. */
async function versionOf({ champions }: Collections, model: string, version: number): Promise<number> {
  if (version > 0) return version;
  const champion = await champions.findOne({ _id: model });
  if (champion === null) {
    throw new RookeryError(
      'RK_MODEL_NOT_FOUND',
      `The monitor knows no champion of ${JSON.stringify(model)}`,
      { details: { model } },
    );
  }
  return champion.version;
}

/** Whether a request that waits need not: the version is known, and enough of its predictions are kept. */
export async function isReady(collections: Collections, request: RunReportRequest): Promise<boolean> {
  const { model, minPredictions } = request;
  const version = request.version || (await collections.champions.findOne({ _id: model }))?.version;
  if (version === undefined) return false;
  const key = versionKey(model, version);
  if ((await collections.versions.findOne({ _id: key })) === null) return false;
  const wanted = Math.max(1, minPredictions);
  if ((await takenIn(collections, key)) < wanted) return false;
  // A batch is counted before it is kept, and a report sees what is kept.
  const batches = await newestBatches(collections, model, version, wanted);
  return batches.reduce((sum, batch) => sum + batch.predictions.length, 0) >= wanted;
}
