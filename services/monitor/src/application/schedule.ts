import type { Logger } from '@rookery/bus';
import { RookeryError } from '@rookery/contracts';

import type { Collections } from '../adapters/collections.js';
import { versionKey } from '../domain/version-key.js';
import type { Reporter } from './reporter.js';

/** Reports that nobody asks for. */
export interface Schedule {
  /** Says that this many predictions of a version were captured. */
  noticed(model: string, version: number, predictions: number): void;
  /** Ends the schedule and waits for a report in the making. */
  stop(): Promise<void>;
}

/** What a schedule needs. */
export interface ScheduleOptions {
  readonly reporter: Reporter;
  readonly collections: Pick<Collections, 'replicas'>;
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
}

/**
 * Makes a report of a version every N predictions, and at every interval in which there were new ones. One report of a
 * version at a time; the bus never waits for it. A report's occasion is the number of predictions taken in so far, so
 * that two monitors, or one that was restarted, do not report the same twice.
 */
export function startSchedule(options: ScheduleOptions): Schedule {
  const watched = new Map<string, Watched>();
  const running = new Set<Promise<void>>();

  const report = async (item: Watched, trigger: 'count' | 'scheduled'): Promise<void> => {
    const key = versionKey(item.model, item.version);
    item.running = true;
    item.fresh = 0;
    try {
      const replicas = await options.collections.replicas.find({ [`counts.${key}`]: { $exists: true } });
      const taken = replicas.reduce((sum, replica) => sum + (replica.counts[key] ?? 0), 0);
      await options.reporter.report({ model: item.model, version: item.version, trigger, occasion: String(taken) });
    } catch (error) {
      const code = error instanceof RookeryError ? error.code : undefined;
      options.logger.warn({ err: error, code, model: item.model, version: item.version }, 'no report could be made');
    } finally {
      item.running = false;
    }
  };
  const start = (item: Watched, trigger: 'count' | 'scheduled'): void => {
    if (item.running) return;
    const made = report(item, trigger).finally(() => running.delete(made));
    running.add(made);
  };
  const timer = setInterval(() => {
    for (const item of watched.values()) if (item.fresh > 0) start(item, 'scheduled');
  }, options.intervalMs);

  return {
    noticed(model, version, predictions) {
      const key = versionKey(model, version);
      const item = watched.get(key) ?? { model, version, fresh: 0, running: false };
      watched.set(key, item);
      item.fresh += predictions;
      if (item.fresh >= options.everyPredictions) start(item, 'count');
    },
    async stop() {
      clearInterval(timer);
      await Promise.all(running);
    },
  };
}
