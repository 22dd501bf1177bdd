import type { Collections } from '../adapters/collections.js';

/** Predictions of a version (model@version) that were captured so far, from all lives of all replicas. */
export async function takenIn({ replicas }: Pick<Collections, 'replicas'>, key: string): Promise<number> {
  const found = await replicas.find({ [`counts.${key}`]: { $exists: true } }, { projection: { counts: 1 } });
  return found.reduce((sum, replica) => sum + (replica.counts[key] ?? 0), 0);
}
