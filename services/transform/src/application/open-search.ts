import type { Bus, Logger } from '@rookery/bus';
import { DatasetIngested } from '@rookery/proto/rookery/events/v1/dataset';
import { SearchStarted } from '@rookery/proto/rookery/events/v1/search';
import type { Collection } from '@rookery/store';

import type { SearchDocument } from '../adapters/search-collection.js';
import type { TrialAttempt } from '../domain/search/next-trials.js';
import { planSearch, trialPoint } from '../domain/search/search-plan.js';
import type { SearchPlan } from '../domain/search/search-plan.js';
import { trialRequest } from '../domain/search/trial-request.js';
import { sourceOf } from './start-run.js';
import type { RunSource, StartRunPorts } from './start-run.js';

/** What searching needs. */
export interface SearchPorts extends Omit<StartRunPorts, 'search'> {
  readonly searches: Collection<SearchDocument>;
  readonly logger: Logger;
  readonly bus: Pick<Bus, 'lastOf' | 'replay'>;
}

/** A search with its messages decoded. */
export interface OpenSearch {
  readonly searchId: string;
  readonly started: SearchStarted;
  readonly event: { readonly data: DatasetIngested; readonly time: Date };
  readonly source: RunSource;
  readonly plan: SearchPlan;
}

/** Decodes a search and settles its plan again, which its request and the seed decide. */
export function openSearch(document: SearchDocument): OpenSearch {
  const data = DatasetIngested.fromJSON(JSON.parse(document.ingested));
  const started = SearchStarted.fromJSON(JSON.parse(document.started));
  const source = sourceOf(data);
  const epochs = started.rungs.at(-1) ?? 1;
  return {
    searchId: document._id,
    started,
    event: { data, time: new Date(document.ingestedAt) },
    source,
    plan: planSearch(source.request.search, { seed: started.seed, epochs }),
  };
}

/** The document of a search that has tried nothing yet: what it goes by is the data set and what it announced itself with. */
export function newSearch(
  event: { readonly data: DatasetIngested; readonly time: Date },
  started: SearchStarted,
  begin: Pick<SearchDocument, 'state' | 'outbox'>,
): Omit<SearchDocument, '_id'> {
  return {
    ingested: JSON.stringify(DatasetIngested.toJSON(event.data)),
    started: JSON.stringify(SearchStarted.toJSON(started)),
    ingestedAt: event.time.toISOString(),
    attempts: {},
    begun: 0,
    ended: 0,
    ...begin,
  };
}

/** Values of a trial by setting. */
export function pointOf(plan: SearchPlan, trial: number): Record<string, unknown> {
  const point = trialPoint(plan, trial);
  return Object.fromEntries(plan.space.map(({ name }, index) => [name, point[index]]));
}

/** What an attempt trains: the request with the values of its trial and the epochs of its rung. */
export function sourceOfAttempt(
  source: RunSource,
  plan: SearchPlan,
  { trial, rung }: TrialAttempt,
): RunSource {
  const request = trialRequest(source.request, plan.space, trialPoint(plan, trial), plan.rungs?.[rung]);
  return { ...source, request };
}
