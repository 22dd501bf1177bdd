import type { OutboxEntry } from '@rookery/bus';
import type { Collection, Store } from '@rookery/store';

import type { FoldResult } from '../domain/evaluation.js';

/**
 * Evaluation of a run as it is kept. Messages are kept as proto3 JSON text: their maps (tags) may have keys that no store
 * takes as a field name.
 */
export interface EvaluationDocument {
  _id: string;
  plan?: string;
  /** By fold number: the same fold twice is one entry. */
  folds?: Record<string, FoldResult>;
  final?: string;
  /** Set once an attempt, together with the announcement of the result. */
  joined?: boolean;
  /** Absent: the first. */
  attempt?: number;
  /** The run was cancelled: nothing is kept or joined any more. */
  cancelled?: boolean;
  outbox?: OutboxEntry[];
}

/** The collection of evaluations, with the index that the outbox recovery uses. */
export function evaluationCollection(store: Store): Promise<Collection<EvaluationDocument>> {
  return store.collection<EvaluationDocument>('evaluations', {
    indexes: [{ fields: ['outbox.id'], sparse: true }],
  });
}
