/*
 * A registry that writes its decisions whatever the model has become meanwhile: the chaos suite builds it in the place of
 * model-write.ts, and must notice.
 */
import { writeModel as writeByCompareAndSet } from '../../src/application/model-write.js';

/** Writes a decision over any other. */
export const writeModel: typeof writeByCompareAndSet = async (registry, name, before, write) => {
  for (;;) {
    const now = before && (await registry.collections.models.findOne({ _id: name }));
    const after = await writeByCompareAndSet(registry, name, now, write);
    if (after !== undefined || before === null) return after;
  }
};
