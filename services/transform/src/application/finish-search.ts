import type { EventMeta, OutboxEntry } from '@rookery/bus';
import { derivedEventId, events } from '@rookery/contracts';
import { SearchResult } from '@rookery/proto/rookery/events/v1/run';

import type { AttemptPart, SearchDocument } from '../adapters/search-collection.js';
import type { AttemptState } from '../domain/search/next-trials.js';
import { pointOf, sourceOfAttempt } from './open-search.js';
import type { OpenSearch, SearchPorts } from './open-search.js';
import { planRun, savePlan } from './start-run.js';

/** Starts the run of the best trial; without one the run fails. What it saves is the same however often it is called. */
export async function finishSearch(
  ports: SearchPorts,
  search: OpenSearch,
  attempts: Readonly<Record<string, AttemptPart>>,
  best: AttemptState | undefined,
  cause: EventMeta,
): Promise<{ fields: Partial<SearchDocument>; entries: OutboxEntry[] }> {
  const { searchId, started, plan, event, source } = search;
  const from = { cause, correlationId: searchId };
  const all = Object.values(attempts);
  if (best === undefined) {
    const first = all.find(({ code }) => code !== undefined);
    const failure = ports.outbox.entry(
      events.runFailed,
      searchId,
      {
        runId: searchId,
        model: started.model,
        code: 'RK_SEARCH_FAILED',
        message: `search: none of ${plan.trials} trials gave a score; trial ${first?.trial ?? 0}: ${first?.message ?? ''}`,
        step: 'search',
        attempts: 1,
        runAttempt: 1,
      },
      { id: derivedEventId(events.runFailed.type, searchId), ...from },
    );
    ports.logger.warn({ runId: searchId, trials: plan.trials }, 'search without a score');
    return { fields: { state: 'failed' }, entries: [failure] };
  }
  const result: SearchResult = {
    strategy: plan.strategy,
    trials: plan.trials,
    attempts: all.length,
    failed: all.filter(({ status }) => status === 'failed').length,
    bestTrial: best.trial,
    metric: started.metric,
    bestScore: best.score ?? 0,
    bestPoint: pointOf(plan, best.trial),
  };
  const planned = await planRun(
    ports,
    searchId,
    event,
    sourceOfAttempt(source, plan, { trial: best.trial, rung: (plan.rungs?.length ?? 1) - 1 }),
  );
  await savePlan(ports, { ...planned, run: { ...planned.run, search: result } }, cause);
  await ports.outbox.flush(ports.plans, searchId);
  ports.logger.info({ runId: searchId, ...result }, 'search completed');
  return {
    fields: { state: 'completed', result: JSON.stringify(SearchResult.toJSON(result)) },
    entries: [
      ports.outbox.entry(
        events.searchCompleted,
        searchId,
        { searchId, model: started.model, result },
        { id: derivedEventId(events.searchCompleted.type, searchId), ...from },
      ),
    ],
  };
}
