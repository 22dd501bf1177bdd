import type { Logger } from '@rookery/bus';
import { toRookeryError } from '@rookery/contracts';

import type { Collections } from '../adapters/collections.js';
import { versionKey } from '../domain/version-key.js';
import type { Reporter } from './reporter.js';
import { takenIn } from './taken-in.js';

/** Reports that nobody asks for. */
export interface Schedule {
  /** Says that this many predictions of a version were captured. */
  noticed(model: string, version: number, predictions: number): void;
  /** Ends the schedule and waits for a report in the making; what is noticed later is left to the next start. */
  stop(): Promise<void>;
}

/** What a schedule needs. */
export interface ScheduleOptions {
  readonly reporter: Reporter;
  readonly collections: Pick<Collections, 'replicas' | 'reports' | 'versions'>;
  readonly logger: Logger;
  /** A report every so many predictions of a version. */
  readonly everyPredictions: number;
  /** A report at least this often while there are new predictions, milliseconds. */
  readonly intervalMs: number;
}

interface Watched {
  readonly model: string;
  readonly version: number;
  /** Predictions since the last report. */
  fresh: number;
  running: boolean;
  /** The last report failed: the next try is the interval's. */
  failed: boolean;
}

/**
 * Makes a report of a version every N predictions, and at every interval in which there were new ones. One report of a
 * version at a time; the bus never waits for it. A report's occasion is the number of predictions taken in so far, so
 * that two monitors, or one that was restarted, do not report the same twice. Predictions that no report has seen when
 * the process ends are counted again at the next start; a report that fails (the version is not registered yet, the
 * reference can't be read) is tried again at the next interval.
 */
export async function startSchedule(options: ScheduleOptions): Promise<Schedule> {
  const watched = await unreported(options.collections);
  const running = new Set<Promise<void>>();
  let stopped = false;

  const report = async (item: Watched, trigger: 'count' | 'scheduled'): Promise<void> => {
    const { model, version, fresh } = item;
    item.running = true;
    item.fresh = 0;
    try {
      const taken = await takenIn(options.collections, versionKey(model, version));
      await options.reporter.report({ model, version, trigger, occasion: String(taken) });
      item.failed = false;
    } catch (error) {
      item.fresh += fresh;
      item.failed = true;
      const { code } = toRookeryError(error);
      options.logger.warn(
        { err: error, code, model, version },
        'no report could be made, will be tried again',
      );
    } finally {
      item.running = false;
    }
  };
  const start = (item: Watched, trigger: 'count' | 'scheduled'): void => {
    if (item.running || stopped) return;
    const made = report(item, trigger).finally(() => running.delete(made));
    running.add(made);
  };
  const timer = setInterval(() => {
    for (const item of watched.values()) if (item.fresh > 0) start(item, 'scheduled');
  }, options.intervalMs);

  return {
    noticed(model, version, predictions) {
      const key = versionKey(model, version);
      const item = watched.get(key) ?? { model, version, fresh: 0, running: false, failed: false };
      watched.set(key, item);
      item.fresh += predictions;
      if (item.fresh >= options.everyPredictions && !item.failed) start(item, 'count');
    },
    async stop() {
      stopped = true;
      clearInterval(timer);
      await Promise.all(running);
    },
  };
}

/** What was taken in of each known version since its last report. */
async function unreported(collections: ScheduleOptions['collections']): Promise<Map<string, Watched>> {
  const found = new Map<string, Watched>();
  for (const { _id: key, model, version } of await collections.versions.find({})) {
    const [last] = await collections.reports.find(
      { model, version, trigger: { $in: ['count', 'scheduled'] } },
      { sort: { taken: -1 }, limit: 1, projection: { taken: 1 } },
    );
    const fresh = (await takenIn(collections, key)) - (last?.taken ?? 0);
    if (fresh > 0) found.set(key, { model, version, fresh, running: false, failed: false });
  }
  return found;
}
