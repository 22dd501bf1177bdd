import type { BusEvent } from '@rookery/bus';
import type { RunCancelled } from '@rookery/proto/rookery/events/v1/run';
import type { Collection } from '@rookery/store';

import type { SearchDocument } from '../adapters/search-collection.js';

/**
 * Handler of ml.run.cancelled: the search of the run tries nothing more, whatever its trials still give. Trainers pass over
 * the jobs that are queued. Does nothing for a run without a search, and for a search that has ended.
 */
export function stopSearch(
  searches: Collection<SearchDocument>,
): (event: BusEvent<RunCancelled>) => Promise<void> {
  return ({ data }) => cancelSearch(searches, data.runId);
}

/** Ends a search whose run is cancelled; what steps of it are under way write nothing any more. */
export async function cancelSearch(searches: Collection<SearchDocument>, searchId: string): Promise<void> {
  await searches.updateOne({ _id: searchId, state: 'running' }, { $set: { state: 'cancelled' } });
}
