import { derivedEventId, events } from '@rookery/contracts';
import type { SearchStarted } from '@rookery/proto/rookery/events/v1/search';

import { advance } from './advance-search.js';
import { planSearch } from '../domain/search/search-plan.js';
import { cancelSearch } from './cancel-search.js';
import { newSearch, sourceOfAttempt } from './open-search.js';
import type { SearchPorts } from './open-search.js';
import { resumeSearch } from './resume-search.js';
import { planRun } from './start-run.js';
import type { RunSource, StartRunPorts } from './start-run.js';

/**
 * Starts the search of a request in place of its run: checks the space, plans the first trials and saves them together with
 * the events that announce them. A redelivery finds the search and starts nothing. The settings of the first trial are
 * checked here, so that a space that fits no network fails the run at once. A later attempt of the run goes on with the
 * search where it stands, see {@link resumeSearch}. A run that was cancelled before tries nothing. Throws RK_SEARCH_INVALID, RK_SEARCH_TOO_LARGE and
 * what planning a run throws.
 */
export function startSearch(ports: SearchPorts): StartRunPorts['search'] {
  return async (runId, event, source, runAttempt) => {
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
    } else if (runAttempt > 1) {
      await resumeSearch(ports, runId, runAttempt, event);
    }
    // Looked up when the search is there: a cancellation in between finds it, or is found here.
    if (await ports.bus.lastOf(events.runCancelled, runId)) await cancelSearch(searches, runId);
    await advance(ports, runId, undefined, event);
  };
}

function withoutSearch(source: RunSource): RunSource {
  return { ...source, request: { ...source.request, search: undefined } };
}
