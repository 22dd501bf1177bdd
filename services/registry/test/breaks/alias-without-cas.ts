/*
 * A registry that writes its decisions whatever the model has become meanwhile: the chaos suite builds it in the place of
 * model-write.ts, and must notice.
 */
import { setTimeout as sleep } from 'node:timers/promises';

import { writeModel as writeByCompareAndSet } from '../../src/application/model-write.js';

/** As long as a store across a network takes: with one as fast as memory, two callers would seldom be between reading and writing. */
const slowStoreMs = 20;

/** Writes a decision over any other. */
export const writeModel: typeof writeByCompareAndSet = async (registry, name, before, write) => {
  await sleep(slowStoreMs);
  for (;;) {
    const now = before && (await registry.collections.models.findOne({ _id: name }));
    const after = await writeByCompareAndSet(registry, name, now, write);
    if (after !== undefined || before === null) return after;
  }
};
