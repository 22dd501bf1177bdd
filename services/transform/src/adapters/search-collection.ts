import type { OutboxEntry } from '@rookery/bus';
import type { Collection, Store } from '@rookery/store';

/** One training of a trial, as it is kept. */
export interface AttemptPart {
  trial: number;
  rung: number;
  status: 'running' | 'scored' | 'failed';
  /** Mean of the metric; with `scored` only. */
  score?: number;
  /** Values by setting, JSON: a store takes no dots in field names. */
  point: string;
  epochs: number;
  code?: string;
  message?: string;
}

/** A search as it is kept, and what is still to be announced. */
export interface SearchDocument {
  _id: string;
  /** DatasetIngested and SearchStarted, proto3 JSON. */
  ingested: string;
  started: string;
  /** When the request was ingested: the plans of its trials and of its run carry that time. */
  ingestedAt: string;
  /** By run id of the attempt. */
  attempts: Record<string, AttemptPart>;
  /**
   * Attempts in all, and those that have ended. Neither ever falls and every change raises one of them: together they say
   * which state a change was computed from.
   */
  begun: number;
  ended: number;
  state: 'running' | 'completed' | 'failed' | 'cancelled';
  /** The latest attempt of the run for which the trials under way were sent again; absent where it never was resumed. */
  resumedIn?: number;
  /** SearchResult, proto3 JSON; once completed. */
  result?: string;
  outbox: OutboxEntry[];
}

/** The collection of searches, with the index that the outbox recovery uses. */
export function searchCollection(store: Store): Promise<Collection<SearchDocument>> {
  return store.collection<SearchDocument>('searches', {
    indexes: [{ fields: ['outbox.id'], sparse: true }],
  });
}
