import { DuplicateKeyError } from '@rookery/store';
import type { Collection, Document } from '@rookery/store';

import type { ModelDocument, PendingFacts } from '../domain/model-document.js';
import { endRun } from './end-run.js';
import type { Registry } from './ports.js';

/**
 * Copies what a model's document has decided into the collections of versions, alias moves and runs, then takes it
 * out of the document. The order makes every crash harmless: a fact is in one place or in both, never in none, and
 * copying again changes nothing.
 */
export async function copyOut(
  registry: Pick<Registry, 'collections' | 'changes'>,
  model: Pick<ModelDocument, '_id' | 'pending'>,
): Promise<void> {
  if (model.pending.length === 0) return;
  const { versions, aliasChanges, runs: _, models } = registry.collections;
  await Promise.all(
    model.pending.map(async ({ version, change, run }) => {
      if (version) await insertOnce(versions, version);
      if (change) await insertOnce(aliasChanges, change);
      if (run) await endRun(registry, run.runId, run.state, run.end, []);
    }),
  );
  await models.updateOne(
    { _id: model._id },
    { $pull: { pending: { id: { $in: model.pending.map((facts) => facts.id) } } } },
  );
}

/** Announces and copies out what was decided about a model: the first publish does not wait for the copies. */
export async function settle(
  registry: Registry,
  model: Pick<ModelDocument, '_id' | 'pending'>,
): Promise<void> {
  await Promise.all([
    registry.outbox.flush(registry.collections.models, model._id),
    copyOut(registry, model),
  ]);
}

/** Copies out whatever is left, here or by an earlier life of this service; returns for how many models. */
export async function copyOutAll(registry: Pick<Registry, 'collections' | 'changes'>): Promise<number> {
  const left = await registry.collections.models.find({ 'pending.id': { $gt: '' } });
  for (const model of left) await copyOut(registry, model);
  return left.length;
}

/** The fact of one kind among those not copied out yet. */
export function pendingRun(model: ModelDocument | null, runId: string): PendingFacts['run'] {
  return model?.pending.find((facts) => facts.run?.runId === runId)?.run;
}

/** Inserts a document that never changes; one that is there already stays. */
export async function insertOnce<T extends Document>(collection: Collection<T>, document: T): Promise<void> {
  try {
    await collection.insertOne(document);
  } catch (error) {
    if (!(error instanceof DuplicateKeyError)) throw error;
  }
}
