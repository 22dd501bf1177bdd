import type { OutboxEntry } from '@rookery/bus';
import type { Collection, Store } from '@rookery/store';

/** Plan of a run as it is kept: what was decided, where its bundles are, and what is still to be announced. */
export interface PlanDocument {
  _id: string;
  model: string;
  datasetSha256: string;
  /** Bundle artifacts: folds first, the final model's last. */
  bundles: { sha256: string; bytes: number; mediaType: string }[];
  createdAt: string;
  outbox: OutboxEntry[];
}

/** The collection of plans, with the index that the outbox recovery uses. */
export function planCollection(store: Store): Promise<Collection<PlanDocument>> {
  return store.collection<PlanDocument>('plans', { indexes: [{ fields: ['outbox.id'], sparse: true }] });
}
