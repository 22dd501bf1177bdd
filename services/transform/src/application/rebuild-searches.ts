import type { EventMeta } from '@rookery/bus';
import { attemptOf, events, jobKeyOf, runIdOf } from '@rookery/contracts';
import type { TrialRef } from '@rookery/proto/rookery/domain/v1/data';
import type { DatasetIngested } from '@rookery/proto/rookery/events/v1/dataset';
import { SearchResult } from '@rookery/proto/rookery/events/v1/run';
import type { FoldJob } from '@rookery/proto/rookery/events/v1/run';
import { SearchStarted } from '@rookery/proto/rookery/events/v1/search';
import { projection } from '@rookery/service-kit';
import type { RebuildSpec } from '@rookery/service-kit';

import type { AttemptPart, SearchDocument } from '../adapters/search-collection.js';
import { newSearch, openSearch, pointOf } from './open-search.js';
import type { SearchPorts } from './open-search.js';
import { countsOf, failureMessage, noteEnd } from './attempt-end.js';
import type { AttemptEnd, AttemptFailure } from './attempt-end.js';
import { planAttempt } from './plan-attempt.js';
import { cancelSearch } from './cancel-search.js';
import { advance } from './advance-search.js';

/**
 * How the searches come out of the log: trials as they were announced, ends as they were told. A search that has not ended
 * goes on: jobs that were never stored are announced, and what follows from the ends that are known is done.
 */
export function searchesRebuild(
  ports: SearchPorts,
): Pick<RebuildSpec, 'projections'> & { readonly finish: () => Promise<void> } {
  const { searches } = ports;
  const ingested = new Map<string, { data: DatasetIngested; time: Date }>();
  const causes = new Map<string, EventMeta>();
  /** Jobs in the stream of jobs, or trained, with the attempt of the run that they are of. */
  const jobs = new Set<string>();
  /** The attempt that a run is in, where it was resumed; and in which each trial began. */
  const resumedIn = new Map<string, number>();
  const begunIn = new Map<string, number>();
  const cancelled = new Set<string>();

  const change = async (searchId: string, apply: (search: SearchDocument) => boolean): Promise<void> => {
    const search = await searches.findOne({ _id: searchId });
    if (search === null || !apply(search)) return;
    const { attempts, state, result } = search;
    await searches.updateOne(
      { _id: searchId },
      { $set: { attempts, ...countsOf(attempts), state, ...(result === undefined ? {} : { result }) } },
    );
  };
  const ended = (
    trial: TrialRef | undefined,
    end: Omit<AttemptFailure, 'trial' | 'rung'> | Pick<Extract<AttemptEnd, { metrics: unknown }>, 'metrics'>,
  ): Promise<void> =>
    trial === undefined
      ? Promise.resolve()
      : change(trial.searchId, ({ attempts, started }) =>
          noteEnd(attempts, SearchStarted.fromJSON(JSON.parse(started)), {
            trial: trial.trial,
            rung: trial.rung,
            ...end,
          }),
        );
  const known = async ({
    data,
  }: {
    data: Pick<FoldJob, 'trial' | 'runId' | 'fold' | 'final' | 'runAttempt'>;
  }): Promise<void> => {
    if (data.trial === undefined) return;
    jobs.add(jobOf(jobKeyOf(data.runId, data.fold, data.final), attemptOf(data.runAttempt)));
  };

  return {
    projections: [
      projection(events.datasetIngested, async ({ data, time }) => {
        if (data.request?.search !== undefined) ingested.set(runIdOf(data.requestEventId), { data, time });
      }),
      projection(events.searchStarted, async ({ data, raw: _raw, ...meta }) => {
        const source = ingested.get(data.searchId);
        if (source === undefined) return;
        ingested.delete(data.searchId);
        causes.set(data.searchId, meta);
        const state = cancelled.has(data.searchId) ? 'cancelled' : 'running';
        await searches.updateOne(
          { _id: data.searchId },
          { $setOnInsert: newSearch(source, data, { state, outbox: [] }) },
          { upsert: true },
        );
      }),
      projection(events.trialStarted, async ({ data: { trial, runId, point, epochs } }) => {
        if (trial === undefined) return;
        begunIn.set(runId, resumedIn.get(trial.searchId) ?? 1);
        await change(trial.searchId, ({ attempts }) => {
          if (attempts[runId] !== undefined) return false;
          attempts[runId] = running(trial, JSON.stringify(point ?? {}), epochs);
          return true;
        });
      }),
      projection(events.trialEvaluated, ({ data }) => ended(data.trial, { metrics: data.metrics })),
      projection(events.trialFailed, async ({ data: { trial, runId, code, message, step } }) => {
        if (trial === undefined) return;
        // One that could not be planned was never started.
        await change(trial.searchId, (search) => {
          if (search.attempts[runId] !== undefined) return false;
          const point = JSON.stringify(pointOf(openSearch(search).plan, trial.trial));
          const reason = failureMessage({ step, message });
          search.attempts[runId] = { ...running(trial, point, 0), status: 'failed', code, message: reason };
          return true;
        });
        await ended(trial, { code, message, step });
      }),
      projection(events.searchCompleted, async ({ data }) => {
        causes.delete(data.searchId);
        await change(data.searchId, (search) => {
          search.state = 'completed';
          if (data.result) search.result = JSON.stringify(SearchResult.toJSON(data.result));
          return true;
        });
      }),
      projection(events.runCancelled, async ({ data }) => {
        cancelled.add(data.runId);
        await cancelSearch(searches, data.runId);
      }),
      projection(events.runFailed, ({ data }) =>
        change(data.runId, (search) => {
          // Where the run failed of something else, the search goes on: the run may be resumed.
          if (search.state !== 'running' || data.step !== 'search') return false;
          search.state = 'failed';
          return true;
        }),
      ),
      projection(events.runResumed, async ({ data }) => {
        resumedIn.set(data.runId, data.runAttempt);
        await searches.updateOne({ _id: data.runId }, { $set: { resumedIn: data.runAttempt } });
      }),
      projection(events.foldTrained, known),
      projection(events.foldJob, known),
    ],
    finish: async () => {
      for (const search of await searches.find({ state: 'running' })) {
        const cause = causes.get(search._id);
        if (cause === undefined) continue;
        const open = openSearch(search);
        const now = resumedIn.get(search._id) ?? 1;
        for (const [runId, { trial, rung, status }] of Object.entries(search.attempts)) {
          if (status !== 'running') continue;
          // What was under way when the run was resumed was sent again.
          const attempt = (begunIn.get(runId) ?? 1) < now ? now : 1;
          const { announced } = await planAttempt(ports, open, { trial, rung }, cause, attempt);
          const lost = announced.filter(
            ({ type, key }) => type === events.foldJob.type && !jobs.has(jobOf(key, attempt)),
          );
          if (lost.length > 0)
            await searches.updateOne({ _id: search._id }, { $push: { outbox: { $each: lost } } });
        }
        await advance(ports, search._id, undefined, cause);
      }
    },
  };
}

const jobOf = (key: string, attempt: number): string => `${key}#${attempt}`;

function running(
  { trial, rung }: Pick<TrialRef, 'trial' | 'rung'>,
  point: string,
  epochs: number,
): AttemptPart {
  return { trial, rung, status: 'running', point, epochs };
}
