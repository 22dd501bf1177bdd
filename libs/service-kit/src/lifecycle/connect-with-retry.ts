import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from '@rookery/telemetry';
import { exitCodes, ServiceExitError } from './exit-codes.js';

/** Options of {@link connectWithRetry}. */
export interface ConnectOptions {
  /** What is connected to, for the log: `NATS`. */
  name: string;
  /** Where, for the log. Must hold no password. */
  address: string;
  /** How long to try, in milliseconds. */
  timeoutMs: number;
  logger: Logger;
  /** Gives up at once. */
  signal?: AbortSignal;
  /** What to do if it stays away, for the last message. */
  hint?: string;
  /** False for an error that waiting cannot mend (a lock, a bad credential). Default: every error may pass. */
  isTransient?: (error: unknown) => boolean;
  /** Milliseconds; default the monotonic clock, so that a wall clock that is set ends no wait and prolongs none. */
  clock?: () => number;
}

/**
 * Calls `connect` until it succeeds: after 100 ms, then twice as long each time, at most 2 s. The first failure and
 * every one after 5 s or more are logged. Throws a `ServiceExitError` (exit code 69) when `timeoutMs` are over or the
 * error is not transient.
 */
export async function connectWithRetry<T>(connect: () => Promise<T>, options: ConnectOptions): Promise<T> {
  const clock = options.clock ?? (() => performance.now());
  const startedAt = clock();
  let pauseMs = 100;
  let loggedAt = Number.NEGATIVE_INFINITY;
  for (let attempt = 1; ; attempt += 1) {
    try {
      const connection = await connect();
      if (attempt > 1)
        options.logger.info({ attempts: attempt, ms: clock() - startedAt }, `${options.name} is connected`);
      return connection;
    } catch (error) {
      if (error instanceof ServiceExitError) throw error;
      const waited = clock() - startedAt;
      const transient = options.isTransient?.(error) ?? true;
      if (!transient || waited + pauseMs > options.timeoutMs || options.signal?.aborted === true) {
        throw new ServiceExitError(
          exitCodes.unavailable,
          `${options.name} at ${options.address} cannot be used${transient ? ` (waited ${Math.round(waited / 1000)} s)` : ''}: ${messageOf(error)}${options.hint === undefined ? '' : `. ${options.hint}`}`,
          { cause: error },
        );
      }
      if (clock() - loggedAt >= 5000) {
        loggedAt = clock();
        options.logger.warn(
          {
            address: options.address,
            reason: messageOf(error),
            attempt,
            give_up_after_ms: options.timeoutMs,
          },
          `${options.name} does not answer yet; trying again`,
        );
      }
      await delay(pauseMs, undefined, options.signal === undefined ? {} : { signal: options.signal }).catch(
        () => undefined,
      );
      pauseMs = Math.min(pauseMs * 2, 2000);
    }
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message || error.name : String(error);
}
