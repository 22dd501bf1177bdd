import { randomUUID } from 'node:crypto';

import { RookeryError } from '@rookery/contracts';
import { MonitorReported } from '@rookery/proto/rookery/events/v1/monitoring';
import type { MonitorServiceServer, RunReportRequest } from '@rookery/proto/rookery/monitor/v1/monitor';
import { unary } from '@rookery/service-kit';

import type { Collections } from '../adapters/collections.js';
import { versionKey } from '../domain/version-key.js';
import type { CaptureSignal } from './capture-signal.js';
import type { Reporter } from './reporter.js';

/** Longest time that a caller may wait for captures, milliseconds. */
const longestWaitMs = 60_000;

/** Most reports of one listing. */
const mostReports = 1_000;

/** The RPCs about reports. */
export function reportRequests(ports: {
  readonly reporter: Reporter;
  readonly collections: Collections;
  readonly captured: CaptureSignal;
}): Pick<MonitorServiceServer, 'runReport' | 'listReports' | 'getReport'> {
  const { reporter, collections, captured } = ports;
  return {
    runReport: unary(async (request: RunReportRequest, { signal }: { signal: AbortSignal }) => {
      const version = await versionOf(collections, request.model, request.version);
      const key = versionKey(request.model, version);
      if (request.minPredictions > 0 && request.waitMs > 0) {
        const enough = async (): Promise<boolean> => (await takenIn(collections, key)) >= request.minPredictions;
        await captured.waitUntil(key, enough, Math.min(request.waitMs, longestWaitMs), signal);
      }
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
      return { reports: documents.map(({ report }) => MonitorReported.fromJSON(report)) };
    }),
    getReport: unary(async ({ reportId }) => {
      const document = await collections.reports.findOne({ _id: reportId });
      if (document === null) {
        throw new RookeryError('RK_REPORT_NOT_FOUND', `There is no report ${JSON.stringify(reportId)}`, { details: { reportId } });
      }
      return { report: MonitorReported.fromJSON(document.report) };
    }),
  };
}

/** The version asked for, or the champion for 0; throws RK_MODEL_NOT_FOUND. */
async function versionOf({ champions }: Collections, model: string, version: number): Promise<number> {
  if (version > 0) return version;
  const champion = await champions.findOne({ _id: model });
  if (champion === null) {
    throw new RookeryError('RK_MODEL_NOT_FOUND', `The monitor knows no champion of ${JSON.stringify(model)}`, { details: { model } });
  }
  return champion.version;
}

async function takenIn({ replicas }: Collections, key: string): Promise<number> {
  const found = await replicas.find({ [`counts.${key}`]: { $exists: true } }, { projection: { counts: 1 } });
  return found.reduce((sum, replica) => sum + (replica.counts[key] ?? 0), 0);
}
