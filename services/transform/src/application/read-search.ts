import { RookeryError } from '@rookery/contracts';
import { SearchResult } from '@rookery/proto/rookery/events/v1/run';
import { SearchStarted } from '@rookery/proto/rookery/events/v1/search';
import { AttemptStatus, SearchState } from '@rookery/proto/rookery/transform/v1/transform';
import type { GetSearchRequest, GetSearchResponse } from '@rookery/proto/rookery/transform/v1/transform';
import type { Collection } from '@rookery/store';
import { metricDirection } from '@rookery/tabular';

import type { SearchDocument } from '../adapters/search-collection.js';

const searchStates = {
  running: SearchState.SEARCH_STATE_RUNNING,
  completed: SearchState.SEARCH_STATE_COMPLETED,
  failed: SearchState.SEARCH_STATE_FAILED,
  cancelled: SearchState.SEARCH_STATE_CANCELLED,
} as const;

const attemptStatuses = {
  running: AttemptStatus.ATTEMPT_STATUS_RUNNING,
  scored: AttemptStatus.ATTEMPT_STATUS_SCORED,
  failed: AttemptStatus.ATTEMPT_STATUS_FAILED,
} as const;

/** Handler of TransformService.GetSearch: a search with its attempts, by trial and rung. Throws RK_RUN_NOT_FOUND. */
export function getSearch(
  searches: Collection<SearchDocument>,
): (request: GetSearchRequest) => Promise<GetSearchResponse> {
  return async ({ runId }) => {
    const search = await searches.findOne({ _id: runId });
    if (search === null) {
      throw new RookeryError('RK_RUN_NOT_FOUND', `Run ${JSON.stringify(runId)} has no search`, {
        details: { runId },
        hint: 'Only a request with a "search" has one.',
      });
    }
    const attempts = Object.values(search.attempts).sort((a, b) => a.trial - b.trial || a.rung - b.rung);
    const started = SearchStarted.fromJSON(JSON.parse(search.started));
    return {
      search: started,
      lowerIsBetter: metricDirection(started.metric) === 'lower',
      state: searchStates[search.state],
      attempts: attempts.map((attempt) => ({
        trial: attempt.trial,
        rung: attempt.rung,
        status: attemptStatuses[attempt.status],
        score: attempt.score,
        point: JSON.parse(attempt.point) as Record<string, unknown>,
        epochs: attempt.epochs,
        code: attempt.code ?? '',
        message: attempt.message ?? '',
      })),
      result: search.result === undefined ? undefined : SearchResult.fromJSON(JSON.parse(search.result)),
    };
  };
}
