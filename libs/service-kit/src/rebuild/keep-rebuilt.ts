import type { Kit } from '../kit.js';
import { exitCodes } from '../lifecycle/exit-codes.js';
import { rebuildFromLog } from './rebuild-from-log.js';
import { openRebuildRecord } from './rebuild-record.js';
import type { RebuildSpec } from './rebuild-from-log.js';
import { watchDatabase } from './watch-database.js';

const watchEveryMs = 2_000;

/** The part of a service's kit that is used here. */
export type RebuildKit = Pick<
  Kit,
  'bus' | 'store' | 'outbox' | 'logger' | 'clock' | 'signal' | 'onStop' | 'stop' | 'health'
>;

/**
 * Rebuilds the service's database where it was lost, and watches from then on that it does not get lost under the service; while
 * it does not answer, the service says NOT_SERVING. Its health tells when the database was built, and from what.
 * To be called when the collections are open and before anything is consumed.
 */
export async function keepRebuilt(kit: RebuildKit, spec: RebuildSpec): Promise<void> {
  const { store, logger } = kit;
  const record = (await rebuildFromLog(kit, spec)) ?? (await (await openRebuildRecord(store)).read());
  if (record) {
    const { endedAtMs: atMs, events, skipped, through } = record;
    kit.health.setRebuilt({ atMs, events, skipped, through });
  }
  const stop = (reason: string): void => kit.stop(reason, exitCodes.software);
  const onReach = (reachable: boolean): void => kit.health.set('', reachable);
  const end = await watchDatabase({ store, logger, stop, onReach }, watchEveryMs);
  kit.onStop(end, { phase: 'intake', name: 'database watch' });
}
