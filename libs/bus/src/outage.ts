import { setTimeout as sleep } from 'node:timers/promises';
import { toRookeryError } from '@rookery/contracts';
import type { ErrorCode } from '@rookery/contracts';
import { retryDelayMs } from './retry.js';
import type { Logger } from './types.js';

/** Errors that say nothing about the event: what every handler stands on is away, or its disk is full. */
const outages: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'RK_STORE_UNAVAILABLE',
  'RK_ARTIFACT_UNAVAILABLE',
  'RK_BUS_UNAVAILABLE',
]);

/** Longer than this an outage is taken for a property of the event: it costs an attempt then. */
const longestMs = 600_000;

/**
 * Runs a handler, and runs it again within the same attempt while the store, the artifacts or the bus are away: a full
 * disk must not use up the attempts of an event that nothing is wrong with. Ends with the error of the last run where it
 * is another one, after ten minutes, or when the consumer stops.
 */
export async function throughOutages(
  run: () => Promise<void>,
  options: { stopping: AbortSignal; logger: Logger; longestMs?: number },
): Promise<void> {
  const { stopping, logger } = options;
  const endsAt = performance.now() + (options.longestMs ?? longestMs);
  for (let tries = 1; ; tries += 1) {
    try {
      await run();
      return;
    } catch (thrown) {
      const error = toRookeryError(thrown);
      const delayMs = retryDelayMs(tries, { baseMs: 250, maxMs: 5_000 });
      if (!outages.has(error.code) || stopping.aborted || performance.now() + delayMs > endsAt) throw thrown;
      logger.warn(
        { err: error, code: error.code, delayMs },
        'what the handler needs is away: the event waits for it, without losing an attempt',
      );
      await sleep(delayMs, undefined, { signal: stopping }).catch(() => undefined);
      if (stopping.aborted) throw thrown;
    }
  }
}
