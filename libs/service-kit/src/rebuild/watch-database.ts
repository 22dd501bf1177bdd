import { repeatEvery } from '@rookery/bus';
import type { Stop } from '@rookery/bus';
import type { Store } from '@rookery/store';
import type { Logger } from '@rookery/telemetry';

import { openRebuildRecord } from './rebuild-record.js';

/** What the watch works with; a service's kit has all of it. */
export interface WatchParts {
  readonly store: Store;
  readonly logger: Logger;
  /** Ends the service; it is started again and rebuilds. */
  readonly stop: (reason: string) => void;
  /** Told whenever the database stops answering, and when it answers again. */
  readonly onReach: (reachable: boolean) => void;
}

/**
 * Looks every `everyMs` whether the database is still the one that was rebuilt, and ends the service where it was dropped
 * under it: on an empty database it would number versions from 1 again. While the database does not answer, those who use it
 * try again, and `onReach` is told. The function returned ends the watch.
 */
export async function watchDatabase(parts: WatchParts, everyMs: number): Promise<Stop> {
  const records = await openRebuildRecord(parts.store);
  let reachable = true;
  const reach = (now: boolean, error?: unknown): void => {
    if (now === reachable) return;
    reachable = now;
    if (now) parts.logger.info('the database answers again');
    else parts.logger.error({ err: error }, 'the database does not answer: not serving until it does');
    parts.onReach(now);
  };
  const look = async (): Promise<void> => {
    if (await isGone()) {
      void end();
      parts.logger.fatal('the database was removed while the service ran: starting again to rebuild it');
      parts.stop('the database was removed');
    }
  };
  const isGone = async (): Promise<boolean> => {
    try {
      await parts.store.ping();
      const gone = (await records.read()) === undefined;
      reach(true);
      return gone;
    } catch (error) {
      // A folder that is gone stays gone; a server that does not answer may come back.
      if (parts.store.kind === 'embedded')
        return (error as { code?: unknown }).code === 'RK_STORE_UNAVAILABLE';
      reach(false, error);
      return false;
    }
  };
  const end = repeatEvery(everyMs, {
    work: look,
    failed: (error) => parts.logger.error({ err: error }, 'the database could not be looked at'),
  });
  return end;
}
