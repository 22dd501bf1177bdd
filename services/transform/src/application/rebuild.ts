import type { EventMeta } from '@rookery/bus';
import { events, jobKeyOf, runIdOf } from '@rookery/contracts';
import type { RunStarted } from '@rookery/proto/rookery/events/v1/run';
import { projection } from '@rookery/service-kit';
import type { RebuildSpec } from '@rookery/service-kit';

import { jobsOfRun } from '../domain/jobs-of-run.js';
import type { SearchPorts } from './open-search.js';
import { searchesRebuild } from './rebuild-searches.js';
import { jobEntry, planDocument } from './start-run.js';

/** A run that has not ended, as far as the log was read. */
interface OpenRun {
  readonly run: RunStarted;
  readonly meta: EventMeta;
  /** Keys of jobs that are in the stream of jobs, or trained. */
  readonly known: Set<string>;
}

/**
 * How the plans come out of the log: a plan is what its ml.run.started says. Jobs of a run that has not ended and that
 * were never stored (the process died between two publications) are announced.
 */
export function transformRebuild(ports: SearchPorts): RebuildSpec {
  const { plans, searches, outbox } = ports;
  const ofSearches = searchesRebuild(ports);
  const ingestedAt = new Map<string, Date>();
  const open = new Map<string, OpenRun>();
  const end = async ({ data }: { data: { runId: string } }): Promise<void> => void open.delete(data.runId);
  const known = async ({
    data,
  }: {
    data: { runId: string; fold: number; final: boolean };
  }): Promise<void> => {
    open.get(data.runId)?.known.add(jobKeyOf(data.runId, data.fold, data.final));
  };
  return {
    collections: [plans.name, searches.name],
    outboxes: [plans, searches],
    projections: [
      projection(events.datasetIngested, async ({ data, time }) => {
        ingestedAt.set(runIdOf(data.requestEventId), time);
      }),
      projection(events.runStarted, async ({ data: run, raw: _raw, ...meta }) => {
        const { _id, ...fields } = planDocument(run, ingestedAt.get(run.runId) ?? meta.time);
        ingestedAt.delete(run.runId);
        await plans.updateOne({ _id }, { $setOnInsert: { ...fields, outbox: [] } }, { upsert: true });
        open.set(run.runId, { run, meta, known: new Set() });
      }),
      projection(events.foldTrained, known),
      projection(events.runCompleted, end),
      projection(events.runFailed, end),
      projection(events.foldJob, known),
      ...ofSearches.projections,
    ],
    finish: async () => {
      await ofSearches.finish();
      for (const { run, meta, known: stored } of open.values()) {
        for (const job of jobsOfRun(run)) {
          if (stored.has(jobKeyOf(job.runId, job.fold, job.final))) continue;
          const entry = jobEntry(outbox, job, meta);
          await plans.updateOne(
            { _id: run.runId, 'outbox.id': { $ne: entry.id } },
            { $push: { outbox: { $each: [entry] } } },
          );
        }
      }
    },
  };
}
