import { streams } from '@rookery/contracts';

import type { Collections } from '../adapters/collections.js';

/** A label waits for its prediction as long as the bus keeps captures (0: for ever); later none can come. */
const labelWaitMs = streams.find(({ name }) => name === 'ML_CAPTURES')?.maxAgeMs ?? 0;

/**
 * Removes the oldest batches of a model beyond `keep` predictions, with the labels of their predictions, and labels of any
 * model whose prediction can't come any more. A crash in between leaves only what the next call removes. Returns the time of
 * the newest batch removed, −Infinity where none was: a batch no newer than that would be removed too.
 */
export async function pruneCaptures(
  { captures, labels }: Collections,
  model: string,
  keep: number,
  nowMs: number,
): Promise<number> {
  const batches = await captures.find(
    { model },
    { sort: { timeMs: -1 }, projection: { timeMs: 1, 'predictions.id': 1 } },
  );
  let kept = 0;
  let newestGone = -Infinity;
  for (const batch of batches) {
    kept += batch.predictions.length;
    if (kept <= keep) continue;
    newestGone = Math.max(newestGone, batch.timeMs);
    await labels.deleteMany({ _id: { $in: batch.predictions.map(({ id }) => id) } });
    await captures.deleteOne({ _id: batch._id });
  }
  if (labelWaitMs > 0)
    await labels.deleteMany({ versionKey: { $exists: false }, timeMs: { $lt: nowMs - labelWaitMs } });
  return newestGone;
}
