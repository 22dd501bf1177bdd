import { TerminalError, derivedEventId, events, trialRunIdOf } from '@rookery/contracts';
import type { EventMeta, OutboxEntry } from '@rookery/bus';
import type { SearchStarted } from '@rookery/proto/rookery/events/v1/search';
import { isBetter } from '@rookery/tabular';

import type { AttemptPart } from '../adapters/search-collection.js';
import { countsOf, failureEntry, noteEnd } from './attempt-end.js';
import type { AttemptEnd } from './attempt-end.js';
import { nextTrials } from '../domain/search/next-trials.js';
import type { AttemptState } from '../domain/search/next-trials.js';
import { planSearch } from '../domain/search/search-plan.js';
import { finishSearch } from './finish-search.js';
import { cancelSearch } from './cancel-search.js';
import { newSearch, openSearch, sourceOfAttempt } from './open-search.js';
import type { SearchPorts } from './open-search.js';
import { planAttempt } from './plan-attempt.js';
import { planRun } from './start-run.js';
import type { RunSource, StartRunPorts } from './start-run.js';

/**
 * Starts the search of a request in place of its run: checks the space, plans the first trials and saves them together with
 * the events that announce them. A redelivery finds the search and starts nothing. The settings of the first trial are
 * checked here, so that a space that fits no network fails the run at once. A run that was cancelled before tries nothing. Throws RK_SEARCH_INVALID, RK_SEARCH_TOO_LARGE and
 * what planning a run throws.
 */
export function startSearch(ports: SearchPorts): StartRunPorts['search'] {
  return async (runId, event, source) => {
    const { searches, outbox } = ports;
    if ((await searches.findOne({ _id: runId })) === null) {
      const base = await planRun(ports, runId, event, withoutSearch(source));
      const epochs = Number(base.run.modelSpec?.['epochs']);
      const plan = planSearch(source.request.search, { seed: base.run.seed, epochs });
      // A space that fits no network is the request's fault: it must not fail trial by trial.
      await planRun(ports, runId, event, sourceOfAttempt(source, plan, { trial: 0, rung: 0 }));
      const started: SearchStarted = {
        searchId: runId,
        model: base.run.model,
        strategy: plan.strategy,
        trials: plan.trials,
        parallel: plan.parallel,
        rungs: [...(plan.rungs ?? [])],
        eta: plan.rungs === undefined ? 0 : plan.eta,
        seed: plan.seed,
        metric: base.run.gate?.metric ?? '',
        folds: base.run.folds,
        space: source.request.search?.['space'] as Record<string, unknown>,
        requestEventId: event.data.requestEventId,
      };
      const entry = outbox.entry(events.searchStarted, runId, started, {
        id: derivedEventId(events.searchStarted.type, runId),
        cause: event,
        correlationId: runId,
      });
      await searches.updateOne(
        { _id: runId },
        { $setOnInsert: newSearch(event, started, { state: 'running', outbox: [entry] }) },
        { upsert: true },
      );
    }
    // Looked up when the search is there: a cancellation in between finds it, or is found here.
    if (await ports.bus.lastOf(events.runCancelled, runId)) await cancelSearch(searches, runId);
    await advance(ports, runId, undefined, event);
  };
}

/** Takes the end of an attempt into its search and does what follows: more trials, or the run of the best. */
export function endAttempt(
  ports: SearchPorts,
): (searchId: string, end: AttemptEnd, cause: EventMeta) => Promise<void> {
  return (searchId, end, cause) => advance(ports, searchId, end, cause);
}

/**
 * One step of a search: an end is noted once (the first counts), the next attempts are planned, and both are saved in one
 * write that is made only to the state it was computed from. Nothing to note and nothing to start writes nothing.
 */
export async function advance(
  ports: SearchPorts,
  searchId: string,
  end: AttemptEnd | undefined,
  cause: EventMeta,
): Promise<void> {
  const { searches, outbox } = ports;
  for (;;) {
    const document = await searches.findOne({ _id: searchId });
    if (document === null) {
      throw new TerminalError('RK_RUN_NOT_FOUND', `There is no search ${searchId}`, {
        details: { runId: searchId },
      });
    }
    if (document.state !== 'running') break;
    const search = openSearch(document);
    const attempts = { ...document.attempts };
    const entries: OutboxEntry[] = [];
    if (end !== undefined && noteEnd(attempts, search.started, end) && 'unannounced' in end)
      entries.push(failureEntry(outbox, search.started, end, cause));
    const next = nextTrials(search.plan, states(attempts), (a, b) => isBetter(search.started.metric, a, b));
    for (const attempt of next.start) {
      const { part, announced } = await planAttempt(ports, search, attempt, cause);
      attempts[trialRunIdOf(searchId, attempt.trial, attempt.rung)] = part;
      entries.push(...announced);
    }
    if (JSON.stringify(attempts) === JSON.stringify(document.attempts) && !next.finished) break;
    const finish = next.finished ? await finishSearch(ports, search, attempts, next.best, cause) : undefined;
    const { modified } = await searches.updateOne(
      { _id: searchId, begun: document.begun, ended: document.ended, state: 'running' },
      {
        $set: { attempts, ...countsOf(attempts), ...finish?.fields },
        $push: { outbox: { $each: [...entries, ...(finish?.entries ?? [])] } },
      },
    );
    // A trial that could not even be planned has ended already: what follows from that is the next step.
    const ended = next.start.some(
      ({ trial, rung }) => attempts[trialRunIdOf(searchId, trial, rung)]?.status !== 'running',
    );
    if (modified === 1 && !ended) break;
  }
  await outbox.flush(searches, searchId);
}

function withoutSearch(source: RunSource): RunSource {
  return { ...source, request: { ...source.request, search: undefined } };
}

const states = (attempts: Readonly<Record<string, AttemptPart>>): AttemptState[] =>
  Object.values(attempts).map(({ trial, rung, status, score }) => ({
    trial,
    rung,
    status,
    ...(score === undefined ? {} : { score }),
  }));
