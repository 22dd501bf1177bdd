import type { EventMeta } from '@rookery/bus';
import { attemptOf, events, runIdOf } from '@rookery/contracts';
import type { FoldJob, FoldTrained, RunResumed, RunStarted } from '@rookery/proto/rookery/events/v1/run';
import { projection } from '@rookery/service-kit';
import type { RebuildSpec } from '@rookery/service-kit';

import type { SearchPorts } from './open-search.js';
import { reproductionsRebuild } from './rebuild-reproductions.js';
import { searchesRebuild } from './rebuild-searches.js';
import { jobsOfRun } from '../domain/jobs-of-run.js';
import { untrainedJobs } from './resume-run.js';
import type { TrainedFolds } from './resume-run.js';
import { jobEntry, planDocument } from './start-run.js';

/** A run as far as the log was read. */
interface KnownRun {
  run?: RunStarted;
  meta?: EventMeta;
  /** The attempt that it is in, and the one in which it was planned. */
  attempt: number;
  plannedIn: number;
  /** Neither failed nor ended. */
  open: boolean;
  readonly trained: TrainedFolds;
  /** Folds whose jobs are in the stream of jobs, or trained, by their attempt. */
  readonly sent: Map<number, Set<number>>;
}

/**
 * How the plans come out of the log: a plan is what its ml.run.started says, an attempt that was resumed has the jobs that
 * are known of it. Jobs of a run that has not ended and that were never stored (the process died between two
 * publications) are announced.
 */
export function transformRebuild(ports: SearchPorts): RebuildSpec {
  const { plans, searches, outbox } = ports;
  const ofSearches = searchesRebuild(ports);
  const ofReproductions = reproductionsRebuild(ports);
  const ingestedAt = new Map<string, Date>();
  const known = new Map<string, KnownRun>();
  const knownRun = (runId: string): KnownRun => {
    const first = { attempt: 1, plannedIn: 1, open: true, trained: new Map(), sent: new Map() };
    const found = known.get(runId) ?? first;
    known.set(runId, found);
    return found;
  };
  const note = (data: Pick<FoldJob, 'runId' | 'fold' | 'runAttempt'>): void => {
    const { sent } = knownRun(data.runId);
    const attempt = attemptOf(data.runAttempt);
    sent.set(attempt, (sent.get(attempt) ?? new Set()).add(data.fold));
  };
  /** An end: only a failed run may be opened again. What a resumed attempt was sent is told by the jobs, later. */
  const end = async ({ data }: { data: { runId: string } }): Promise<void> => {
    if (knownRun(data.runId).attempt === 1) known.delete(data.runId);
    else knownRun(data.runId).open = false;
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
        const found = knownRun(run.runId);
        Object.assign(found, { run, meta, plannedIn: found.attempt });
      }),
      projection(events.foldTrained, async ({ data }: { data: FoldTrained }) => {
        if (data.trial !== undefined) return;
        knownRun(data.runId).trained.set(data.fold, data.trained?.sha256 ?? '');
        note(data);
      }),
      projection(events.runFailed, async ({ data }) => void (knownRun(data.runId).open = false)),
      projection(
        events.runResumed,
        async ({ data, raw: _raw, ...meta }: { data: RunResumed; raw: unknown } & EventMeta) => {
          const found = knownRun(data.runId);
          Object.assign(found, { attempt: data.runAttempt, open: true });
          if (found.run) found.meta = meta;
        },
      ),
      projection(events.runCompleted, end),
      projection(events.runCancelled, end),
      projection(events.foldJob, async ({ data }: { data: FoldJob }) => {
        if (data.trial === undefined && data.reproduction === undefined && known.has(data.runId)) note(data);
      }),
      ...ofSearches.projections,
      ...ofReproductions.projections,
    ],
    finish: async () => {
      await ofSearches.finish();
      await ofReproductions.finish();
      for (const [runId, found] of known) {
        const { run, meta, attempt, plannedIn, open, sent } = found;
        if (!run || !meta) continue;
        const missing = open ? await missingOf(found, run) : [];
        for (let n = plannedIn + 1; n <= attempt; n++) {
          const folds = new Set(sent.get(n));
          if (n === attempt) for (const { fold } of missing) folds.add(fold);
          const path = `resumed.${n}`;
          await plans.updateOne(
            { _id: runId, [path]: { $exists: false } },
            { $set: { [path]: [...folds].sort((a, b) => a - b) } },
          );
        }
        for (const job of missing) {
          if (sent.get(attempt)?.has(job.fold)) continue;
          const entry = jobEntry(outbox, job, meta);
          await plans.updateOne(
            { _id: runId, 'outbox.id': { $ne: entry.id } },
            { $push: { outbox: { $each: [entry] } } },
          );
        }
      }
    },
  };

  /** The jobs of the attempt that a run is in which nobody has trained. */
  async function missingOf({ attempt, trained }: KnownRun, run: RunStarted): Promise<FoldJob[]> {
    // At first an artifact is not looked for: nothing was lost as yet, and what is lost later fails the run.
    if (attempt > 1) return untrainedJobs(ports, run, attempt, trained);
    return jobsOfRun(run, attempt).filter(({ fold }) => !trained.has(fold));
  }
}
