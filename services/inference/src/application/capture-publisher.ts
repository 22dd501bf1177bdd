import { RetryableError, toRookeryError } from '@rookery/contracts';
import type { Logger } from '@rookery/bus';

import type { CaptureBuffer, CaptureCounts } from '../domain/capture-buffer.js';
import type { CapturedModel, CapturedRow } from '../domain/captured-row.js';

/** What a batch says about itself beside its rows. */
export interface BatchHeader {
  readonly model: CapturedModel;
  readonly replica: string;
  readonly replicaLife: string;
  /** From 1, without a gap unless a batch was lost. */
  readonly batch: number;
  readonly droppedTotal: number;
}

/** Writes a batch: as many of the first rows as fit (at least one). */
export type EncodeBatch = (
  header: BatchHeader,
  rows: readonly CapturedRow[],
) => { body: Uint8Array; rows: number };

/** What the publisher works with. */
export interface CapturePublisherParts {
  readonly buffer: CaptureBuffer<CapturedRow>;
  readonly encode: EncodeBatch;
  /** Stores a batch; rejects with a RetryableError where trying again may help. Storing an id twice is once. */
  readonly store: (model: string, id: string, body: Uint8Array) => Promise<void>;
  readonly replica: string;
  readonly replicaLife: string;
  /** Longest time that a row waits before it is sent, ms. */
  readonly flushMs: number;
  /** Rows in a batch; so many waiting start a flush at once. */
  readonly batchRows: number;
  /** Pause after a failed attempt, ms. */
  readonly retryMs: number;
  readonly logger: Logger;
}

/** Sends captured rows in batches, off the path of requests. */
export interface CapturePublisher {
  /** Never throws, never waits. */
  push(row: CapturedRow): void;
  counts(): CaptureCounts;
  /** Sends what is left until `signal` aborts; what could not be sent then counts as dropped. */
  stop(signal: AbortSignal): Promise<void>;
}

/**
 * Starts publishing. One batch is in flight at a time; while the bus is away rows wait in the buffer within its
 * bound, and the batch in flight is tried again under its id until the bus has it.
 */
export function startCapturePublisher(parts: CapturePublisherParts): CapturePublisher {
  const { buffer, encode, store, replica, replicaLife, batchRows, logger } = parts;
  let batch = 0;
  let running: Promise<void> | undefined;
  let giveUp: AbortSignal | undefined;
  let lastReported = 0;
  const gaveUp = (): boolean => giveUp?.aborted === true;

  const flush = async (): Promise<void> => {
    // What waits now, and what fills a batch meanwhile: a handful that came in during a send waits for its own time.
    for (let due = buffer.waiting; (due > 0 || buffer.waiting >= batchRows) && !gaveUp();) {
      const taken = buffer.take(batchRows);
      if (taken.length === 0) return;
      due -= taken.length;
      for (const rows of byModel(taken)) {
        for (let from = 0; from < rows.length;) {
          batch += 1;
          const header: BatchHeader = {
            model: rows[from]!.model,
            replica,
            replicaLife,
            batch,
            droppedTotal: buffer.counts().dropped,
          };
          const { body, rows: count } = encode(header, from === 0 ? rows : rows.slice(from));
          if (await deliver(header, body)) buffer.sent(count);
          else buffer.lost(count);
          from += count;
        }
      }
      reportDrops();
    }
  };

  const deliver = async (header: BatchHeader, body: Uint8Array): Promise<boolean> => {
    for (;;) {
      if (gaveUp()) return false;
      try {
        await orAbort(store(header.model.name, `${replicaLife}-${header.batch}`, body), giveUp);
        return true;
      } catch (error) {
        const problem = toRookeryError(error);
        if (!(problem instanceof RetryableError)) {
          logger.error(
            { err: problem, model: header.model.name, batch: header.batch },
            'a batch of captures is refused and dropped',
          );
          return false;
        }
        if (!gaveUp()) await pause(parts.retryMs, giveUp);
      }
    }
  };

  const reportDrops = (): void => {
    const { dropped } = buffer.counts();
    if (dropped === lastReported) return;
    logger.warn(
      { dropped: dropped - lastReported, dropped_total: dropped },
      'captured predictions were dropped: the buffer was full',
    );
    lastReported = dropped;
  };

  const start = (): void => {
    running ??= nextTurn()
      .then(flush)
      .catch((error: unknown) => logger.error({ err: error }, 'captures could not be sent'))
      .finally(() => {
        running = undefined;
      });
  };
  const timer = setInterval(() => {
    if (buffer.waiting > 0) start();
  }, parts.flushMs);
  timer.unref();

  return {
    push(row) {
      buffer.push(row);
      if (running === undefined && buffer.waiting >= batchRows) start();
    },
    counts: () => buffer.counts(),
    async stop(signal) {
      clearInterval(timer);
      giveUp = signal;
      while (buffer.waiting > 0 && !signal.aborted) {
        start();
        await orAbort(running ?? Promise.resolve(), signal).catch(() => undefined);
      }
      await orAbort(running ?? Promise.resolve(), signal).catch(() => undefined);
      const left = buffer.take(buffer.waiting).length;
      if (left > 0) buffer.lost(left);
      reportDrops();
    },
  };
}

function byModel(rows: CapturedRow[]): CapturedRow[][] {
  const first = rows[0];
  if (first === undefined) return [];
  if (rows.every((row) => row.model === first.model)) return [rows];
  const groups = new Map<CapturedModel, CapturedRow[]>();
  for (const row of rows) {
    const group = groups.get(row.model);
    if (group === undefined) groups.set(row.model, [row]);
    else group.push(row);
  }
  return [...groups.values()];
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    timer.unref();
    signal?.addEventListener('abort', () => resolve(), { once: true });
  });
}

/** The promise, or a rejection as soon as the signal aborts. */
function orAbort<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(new RetryableError('RK_UNAVAILABLE', 'The time to stop is over.'));
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
