import { events, RookeryError, TerminalError } from '@rookery/contracts';
import type { EventType } from '@rookery/contracts';
import { encodePayload } from './payload.js';
import { repeatEvery } from './repeat.js';
import { activeTraceparent } from './traceparent.js';
import type { Bus, EventMeta, Logger, Stop } from './types.js';

/** An event that was decided on but not yet published; stands in the document that it announces. */
export interface OutboxEntry {
  id: string;
  type: string;
  key: string;
  /** JSON text, or base64 of a binary payload, as the event type's encoding says. */
  body: string;
  correlationId: string;
  causationId?: string;
  /** Trace context at the time of the decision. */
  traceparent?: string;
  /** ISO time of the decision: becomes the event's time. */
  createdAt: string;
}

/** A document with an embedded outbox. */
export interface OutboxDocument {
  _id: string;
  outbox?: OutboxEntry[];
}

interface Fields {
  readonly [name: string]: unknown;
}

/** The part of a store's collection that the outbox uses. Give it an index on `outbox.id` (sparse). */
export interface OutboxCollection {
  findOne(filter: Fields): Promise<OutboxDocument | null>;
  find(
    filter?: Fields,
    options?: { limit?: number; projection?: Readonly<Record<string, 0 | 1>> },
  ): Promise<OutboxDocument[]>;
  updateOne(filter: Fields, update: { readonly $pull: Fields }): Promise<unknown>;
}

/** Publishes what documents announce. */
export interface Outbox {
  /**
   * Makes the entry to be pushed to the document's `outbox` in the same update that changes its state. `timeMs` is when it
   * happened (default now): give it where the document holds that time, so that the log says it too.
   */
  entry<T>(
    event: EventType<T>,
    key: string,
    data: T,
    options: { id: string; cause?: EventMeta; correlationId?: string; timeMs?: number },
  ): OutboxEntry;
  /**
   * Publishes the entries of one document in order (entries of one type with other keys, which stand together, at once), then
   * takes them out of it. Throws where one could not be published; what was not stays.
   */
  flush(collection: OutboxCollection, docId: string): Promise<void>;
  /** Flushes every document that has entries; returns how many documents were done. One that fails is logged and left for the next time. */
  recover(collection: OutboxCollection): Promise<number>;
  /** Recovers now and every `everyMs` (default 5 000). */
  startRecovery(collections: OutboxCollection[], everyMs?: number): Stop;
}

const hasEntries = { outbox: { $elemMatch: { id: { $gt: '' } } } };
const recoverBatch = 200;
/** Publishes of one document that are under way at once, at most. */
const mostTogether = 32;

/**
 * An outbox embedded in the aggregates: state and announcement are saved in one update of one document, so that
 * neither exists without the other, without transactions. A crash between publish and removal publishes again with
 * the same message id, which the stream suppresses within its duplicate window; later than that, idempotent
 * consumers do. Flushes of the same document are serialised within this process.
 */
export function createOutbox(
  bus: Pick<Bus, 'publishEncoded'>,
  options: { logger?: Logger; clock?: () => number } = {},
): Outbox {
  const now = options.clock ?? Date.now;
  const flushing = new WeakMap<OutboxCollection, Map<string, Flush>>();

  const flushNow = async (collection: OutboxCollection, docId: string): Promise<void> => {
    const document = await collection.findOne({ _id: docId });
    const sent: string[] = [];
    const send = async (entry: OutboxEntry): Promise<void> => {
      await bus.publishEncoded(eventOf(entry, docId), entry.key, bodyOf(entry), {
        id: entry.id,
        correlationId: entry.correlationId,
        time: new Date(entry.createdAt),
        ...(entry.causationId === undefined ? {} : { causationId: entry.causationId }),
        ...(entry.traceparent === undefined ? {} : { traceparent: entry.traceparent }),
      });
      sent.push(entry.id);
    };
    try {
      for (const together of independentRuns(document?.outbox ?? [])) {
        const results = await Promise.allSettled(together.map(send));
        const failed = results.find((result) => result.status === 'rejected');
        if (failed !== undefined) throw failed.reason;
      }
    } finally {
      if (sent.length > 0)
        await collection.updateOne({ _id: docId }, { $pull: { outbox: { id: { $in: sent } } } });
    }
  };

  /** One flush runs, one more may wait for it (it sees all that is saved by then); further callers join the waiting one. */
  const flush: Outbox['flush'] = (collection, docId) => {
    let documents = flushing.get(collection);
    if (!documents) flushing.set(collection, (documents = new Map<string, Flush>()));
    const current = documents.get(docId);
    if (current?.next) return current.next;
    const start = (): Promise<void> => {
      const flight: Flush = { running: flushNow(collection, docId), next: undefined };
      documents.set(docId, flight);
      const done = (): void => {
        if (documents.get(docId) === flight && !flight.next) documents.delete(docId);
      };
      flight.running.then(done, done);
      return flight.running;
    };
    if (!current) return start();
    current.next = current.running.catch(() => {}).then(start);
    return current.next;
  };

  const recover: Outbox['recover'] = async (collection) => {
    let done = 0;
    const failed = new Set<string>();
    for (;;) {
      const found = await collection.find(hasEntries, {
        limit: recoverBatch + failed.size,
        projection: { _id: 1 },
      });
      const todo = found.filter((document) => !failed.has(document._id));
      if (todo.length === 0) return done;
      for (const { _id } of todo) {
        try {
          await flush(collection, _id);
          done += 1;
        } catch (error) {
          failed.add(_id);
          options.logger?.warn({ err: error, document: _id }, 'outbox not sent, will be tried again');
          if (error instanceof RookeryError && error.code === 'RK_BUS_UNAVAILABLE') return done;
        }
      }
    }
  };

  const startRecovery: Outbox['startRecovery'] = (collections, everyMs = 5_000) =>
    repeatEvery(everyMs, {
      atOnce: true,
      work: async (signal) => {
        for (const collection of collections) {
          if (signal.aborted) return;
          const done = await recover(collection);
          if (done > 0) options.logger?.info({ documents: done }, 'outbox recovered');
        }
      },
      failed: (error) => options.logger?.warn({ err: error }, 'outbox recovery failed, will be tried again'),
    });

  return {
    entry: (event, key, data, { id, cause, correlationId, timeMs }) => {
      event.subject(key); // a bad key must fail before the state is saved
      const bytes = encodePayload(event, data);
      const traceparent = activeTraceparent() ?? cause?.traceparent;
      return {
        id,
        type: event.type,
        key,
        body: Buffer.from(bytes).toString(event.encoding === 'json' ? 'utf8' : 'base64'),
        correlationId: correlationId ?? cause?.correlationId ?? id,
        ...(cause === undefined ? {} : { causationId: cause.id }),
        ...(traceparent === undefined ? {} : { traceparent }),
        createdAt: new Date(timeMs ?? now()).toISOString(),
      };
    },
    flush,
    recover,
    startRecovery,
  };
}

/**
 * Entries in their order, those next to each other together that have one type and a key each, such as the jobs of a run:
 * events of different keys have no order among them, so none of them need wait until the one before is stored.
 */
function independentRuns(entries: readonly OutboxEntry[]): OutboxEntry[][] {
  const runs: OutboxEntry[][] = [];
  for (const entry of entries) {
    const run = runs.at(-1);
    const joins = run?.every(({ type, key }) => type === entry.type && key !== entry.key) === true;
    if (joins && run.length < mostTogether) run.push(entry);
    else runs.push([entry]);
  }
  return runs;
}

interface Flush {
  running: Promise<void>;
  next: Promise<void> | undefined;
}

const eventsByType = new Map<string, EventType<unknown>>(
  Object.values(events).map((event) => [event.type, event as unknown as EventType<unknown>]),
);

function eventOf(entry: OutboxEntry, docId: string): EventType<unknown> {
  const event = eventsByType.get(entry.type);
  if (event) return event;
  throw new TerminalError(
    'RK_INTERNAL',
    `document ${docId} announces an event of the unknown type "${entry.type}"`,
    {
      details: { document: docId, type: entry.type },
      hint: 'Start the version of the service that wrote it, or remove the entry.',
    },
  );
}

function bodyOf(entry: OutboxEntry): Uint8Array {
  return Buffer.from(entry.body, eventsByType.get(entry.type)?.encoding === 'json' ? 'utf8' : 'base64');
}
