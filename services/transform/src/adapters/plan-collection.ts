import type { OutboxEntry } from '@rookery/bus';
import type { Collection, Store } from '@rookery/store';

/**
 * Plan of a run as it is kept: what was decided, where its bundles are, and what is still to be announced. Of a
 * reproduction (by its own id) only that its jobs were sent.
 */
export interface PlanDocument {
  _id: string;
  model: string;
  datasetSha256?: string;
  /** Bundle artifacts: folds first, the final model's last. */
  bundles?: { sha256: string; bytes: number; mediaType: string }[];
  createdAt?: string;
  /** Attempts, from the second, whose jobs are sent, with the folds that were missing. */
  resumed?: Record<string, number[]>;
  outbox: OutboxEntry[];
}

/** The collection of plans, with the index that the outbox recovery uses. */
export function planCollection(store: Store): Promise<Collection<PlanDocument>> {
  return store.collection<PlanDocument>('plans', { indexes: [{ fields: ['outbox.id'], sparse: true }] });
}
