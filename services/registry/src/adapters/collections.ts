import type { Store } from '@rookery/store';

import type { AliasChangeDocument, ModelDocument, VersionDocument } from '../domain/model-document.js';
import type { ReproductionDocument } from '../domain/reproduction-document.js';
import type { RunDocument } from '../domain/run-document.js';
import type { Collections } from '../application/ports.js';

/** Opens the registry's collections with their indexes. */
export async function openCollections(store: Store): Promise<Collections> {
  const outbox = { fields: ['outbox.id'], sparse: true };
  const [runs, models, versions, aliasChanges, reproductions] = await Promise.all([
    store.collection<RunDocument>('runs', {
      indexes: [{ fields: ['model'] }, { fields: ['state'] }, { fields: ['createdAtMs'] }, outbox],
    }),
    store.collection<ModelDocument>('models', {
      indexes: [{ fields: ['pending.id'], sparse: true }, outbox],
    }),
    store.collection<VersionDocument>('versions', { indexes: [{ fields: ['model'] }] }),
    store.collection<AliasChangeDocument>('alias_changes', { indexes: [{ fields: ['model'] }] }),
    store.collection<ReproductionDocument>('reproductions', {
      indexes: [{ fields: ['runId'] }, { fields: ['state'] }, outbox],
    }),
  ]);
  return { runs, models, versions, aliasChanges, reproductions };
}
