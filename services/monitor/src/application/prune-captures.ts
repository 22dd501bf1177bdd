import { streams } from '@rookery/contracts';

import type { Collections } from '../adapters/collections.js';

/** A label waits for its prediction as long as the bus keeps captures (0: for ever); later none can come. */
const labelWaitMs = streams.find(({ name }) => name === 'ML_CAPTURES')?.maxAgeMs ?? 0;

/**
 * Removes the oldest batches of a model beyond `keep` predictions, with the labels of their predictions, and labels of any
 * model whose prediction can't come any more. A crash in between leaves only what the next call removes.
 */
export async function pruneCaptures(
  { captures, labels }: Collections,
  model: string,
  keep: number,
  nowMs: number,
): Promise<void> {
  const batches = await captures.find(
    { model },
    { sort: { timeMs: -1 }, projection: { timeMs: 1, 'predictions.id': 1 } },
  );
  let kept = 0;
  for (const batch of batches) {
    kept += batch.predictions.length;
    if (kept <= keep) continue;
    await labels.deleteMany({ _id: { $in: batch.predictions.map(({ id }) => id) } });
    await captures.deleteOne({ _id: batch._id });
  }
  if (labelWaitMs === 0) return;
  await labels.deleteMany({ versionKey: { $exists: false }, timeMs: { $lt: nowMs - labelWaitMs } });
}
