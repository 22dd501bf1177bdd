import { DuplicateKeyError } from '@rookery/store';
import type { OutboxEntry } from '@rookery/bus';

import type { AliasEntry, ModelDocument, PendingFacts } from '../domain/model-document.js';
import type { Registry } from './ports.js';

/** One decision about a model. */
export interface ModelWrite {
  latestVersion: number;
  aliases: AliasEntry[];
  pending: PendingFacts;
  announcements: OutboxEntry[];
  timeMs: number;
}

/**
 * Writes a decision by compare-and-set on the document that it was taken against (`before`; null: the model must not
 * exist). Returns the document after it; undefined where the model changed meanwhile: decide again.
 */
export async function writeModel(
  registry: Pick<Registry, 'collections'>,
  name: string,
  before: ModelDocument | null,
  write: ModelWrite,
): Promise<ModelDocument | undefined> {
  const { models } = registry.collections;
  if (!before) {
    const created: ModelDocument = {
      _id: name,
      revision: 1,
      latestVersion: write.latestVersion,
      aliases: write.aliases,
      pending: [write.pending],
      createdAtMs: write.timeMs,
      updatedAtMs: write.timeMs,
      outbox: write.announcements,
    };
    try {
      await models.insertOne(created);
      return created;
    } catch (error) {
      if (error instanceof DuplicateKeyError) return undefined;
      throw error;
    }
  }
  const after = await models.findOneAndUpdate(
    { _id: name, revision: before.revision },
    {
      $inc: { revision: 1 },
      $set: { latestVersion: write.latestVersion, aliases: write.aliases, updatedAtMs: write.timeMs },
      $push: { pending: { $each: [write.pending] }, outbox: { $each: write.announcements } },
    },
  );
  return after ?? undefined;
}
