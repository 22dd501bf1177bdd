import { setTimeout as sleep } from 'node:timers/promises';

import type { Bus, BusEvent, Outbox, OutboxCollection } from '@rookery/bus';
import { RetryableError, toRookeryError } from '@rookery/contracts';
import type { StreamName } from '@rookery/contracts';
import type { Store } from '@rookery/store';
import type { Logger } from '@rookery/telemetry';

import type { LogProjection } from './log-projection.js';
import { openRebuildRecord } from './rebuild-record.js';
import type { RebuildRecord } from './rebuild-record.js';

/** What a service's state is made of, and how it comes out of the log. */
export interface RebuildSpec {
  /** Collections of the service: where one is missing from the database, all is rebuilt. */
  readonly collections: readonly string[];
  /** Collections with an outbox: what is left of them is sent before the log is read. */
  readonly outboxes?: readonly OutboxCollection[];
  /** Streams are read one after the other, in the order of their first mention; each in its own order. */
  readonly projections: readonly LogProjection[];
  /** When the log is read: completes what an earlier life decided and announced in part. */
  readonly finish?: () => Promise<void>;
}

/** What rebuilding works with; a service's kit has all of it. */
export interface RebuildParts {
  readonly bus: Pick<Bus, 'bounds' | 'replayAll'>;
  readonly store: Store;
  readonly outbox: Pick<Outbox, 'recover'>;
  readonly logger: Logger;
  readonly clock: () => number;
  readonly signal: AbortSignal;
}

const attempts = 6;
const progressEveryMs = 5_000;

/**
 * Makes sure that the database holds what the log says. Where it was never built, or was lost in whole or in part, or an
 * earlier rebuild did not end, the log is read from its beginning and every event is projected; whatever is still there
 * stays, since projections only add. Call it before anything is consumed: durable consumers have acknowledged what was lost
 * and will not bring it again, and what comes while the log is read they deliver afterwards, so there is neither a gap nor a
 * double. Returns the record of the rebuild, or undefined where none was needed.
 *
 * An event that can't be projected for good is logged and passed over, as its dead letter was; what may pass (a store or an
 * artifact store that is away) is tried again, then thrown: the next start begins again.
 */
export async function rebuildFromLog(
  parts: RebuildParts,
  spec: RebuildSpec,
): Promise<RebuildRecord | undefined> {
  const { store, logger, clock, signal } = parts;
  const records = await openRebuildRecord(store);
  const reason = await reasonToRebuild(store, spec, await records.read());
  if (reason === undefined) return undefined;
  const startedAtMs = clock();
  await records.begin(reason, startedAtMs);
  for (const collection of spec.outboxes ?? []) await parts.outbox.recover(collection);

  const through: Record<string, number> = {};
  let events = 0;
  let skipped = 0;
  let toldAt = startedAtMs;
  for (const stream of streamsOf(spec)) {
    const { lastSequence } = await parts.bus.bounds(stream);
    through[stream] = lastSequence;
    if (lastSequence === 0) continue;
    if (events === 0)
      logger.info({ reason, stream, through: lastSequence }, 'rebuilding the database from the log');
    await parts.bus.replayAll(stream, [...new Set(spec.projections.map(({ event }) => event))], {
      through: lastSequence,
      signal,
      onInvalid: (event, error) => {
        skipped += 1;
        logger.warn(
          { err: error, sequence: event.sequence },
          'a stored event cannot be decoded, passed over',
        );
      },
      onEvent: async (event) => {
        if (await projected(spec, event, parts)) events += 1;
        else skipped += 1;
        if (clock() - toldAt < progressEveryMs) return;
        toldAt = clock();
        logger.info({ stream, sequence: event.sequence, of: lastSequence, events }, 'still rebuilding');
      },
    });
  }
  await spec.finish?.();
  const record = await records.end({ reason, startedAtMs, endedAtMs: clock(), events, skipped, through });
  const ms = record.endedAtMs - startedAtMs;
  if (events > 0)
    logger.info({ reason, events, skipped, through, ms }, 'the database is rebuilt from the log');
  return record;
}

async function reasonToRebuild(
  store: Store,
  spec: RebuildSpec,
  record: RebuildRecord | undefined,
): Promise<string | undefined> {
  if (record === undefined) return 'the database is new, or was lost';
  if (record.state !== 'rebuilt') return 'an earlier rebuild did not end';
  const missing = spec.collections.filter((name) => !store.heldAtOpening.includes(name));
  return missing.length > 0 ? `collections are missing: ${missing.join(', ')}` : undefined;
}

function streamsOf({ projections }: RebuildSpec): StreamName[] {
  return [...new Set(projections.map(({ event }) => event.stream))];
}

/** Whether the event was taken in; false where it never can be. */
async function projected(
  { projections }: RebuildSpec,
  event: BusEvent<unknown>,
  { logger, signal }: RebuildParts,
): Promise<boolean> {
  for (const item of projections) {
    if (item.event.type !== event.type) continue;
    for (let attempt = 1; ; attempt++) {
      try {
        await item.apply(event);
        break;
      } catch (thrown) {
        const error = toRookeryError(thrown);
        const facts = {
          err: thrown,
          code: error.code,
          event_id: event.id,
          event_type: event.type,
          sequence: event.sequence,
        };
        // As when it was consumed: what is wrong for good, and what fails every time without a known cause, holds up nothing.
        const unknown = error.code === 'RK_HANDLER_FAILED';
        if (!(error instanceof RetryableError) || (unknown && attempt === attempts)) {
          logger.warn(facts, 'a stored event cannot be taken in again, passed over');
          return false;
        }
        if (attempt === attempts) throw thrown;
        logger.warn(facts, 'a stored event could not be taken in, will be tried again');
        await sleep(100 * 2 ** attempt, undefined, { signal });
      }
    }
  }
  return true;
}
