import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { RetryableError } from '@rookery/contracts';
import { openStore } from '@rookery/store';
import { createOutbox } from '../src/index.js';
import type { Bus, Outbox, OutboxCollection, OutboxDocument, OutboxEntry } from '../src/index.js';
import { label, labelReceived, recordingLogger, unique, until, useBroker } from './fixtures.js';

const broker = useBroker();

/** A collection in memory, with places to fail. */
function memoryCollection(): OutboxCollection & {
  documents: Map<string, OutboxDocument>;
  save: (id: string, entries: OutboxEntry[]) => void;
  failPull: boolean;
} {
  const documents = new Map<string, OutboxDocument>();
  const self = {
    documents,
    failPull: false,
    save: (id: string, entries: OutboxEntry[]): void => {
      documents.set(id, { _id: id, outbox: [...(documents.get(id)?.outbox ?? []), ...entries] });
    },
    findOne: async (filter: { readonly [name: string]: unknown }): Promise<OutboxDocument | null> =>
      structuredClone(documents.get(filter['_id'] as string) ?? null),
    find: async (): Promise<OutboxDocument[]> =>
      structuredClone([...documents.values()].filter((document) => (document.outbox ?? []).length > 0)),
    updateOne: async (
      filter: { readonly [name: string]: unknown },
      update: { readonly $pull: { readonly [name: string]: unknown } },
    ): Promise<void> => {
      if (self.failPull) throw new Error('crashed before the pull');
      const sent = (update.$pull['outbox'] as { id: { $in: string[] } }).id.$in;
      const document = documents.get(filter['_id'] as string);
      if (document) document.outbox = (document.outbox ?? []).filter((entry) => !sent.includes(entry.id));
    },
  };
  return self;
}

async function storedIds(bus: Bus, key: string): Promise<string[]> {
  const ids: string[] = [];
  await (
    await bus.replay(labelReceived, { key, onEvent: (event) => void ids.push(event.id) })
  ).done;
  return ids;
}

const entriesFor = (outbox: Outbox, key: string, ids: string[]): OutboxEntry[] =>
  ids.map((id) =>
    outbox.entry(labelReceived, key, label(id), { id: `${key}-${id}`, correlationId: 'run-1' }),
  );

const andThen =
  (first: () => void, second: () => void): (() => void) =>
  () => {
    first();
    second();
  };

test('a flush publishes the entries in order and leaves the document without them', async () => {
  const bus = await broker.connect();
  const outbox = createOutbox(bus);
  const collection = memoryCollection();
  const key = unique('ordered');
  collection.save('doc', entriesFor(outbox, key, ['1', '2', '3']));
  await outbox.flush(collection, 'doc');
  expect(await storedIds(bus, key)).toEqual([`${key}-1`, `${key}-2`, `${key}-3`]);
  expect(collection.documents.get('doc')?.outbox).toEqual([]);
  const events: unknown[] = [];
  await (
    await bus.replay(labelReceived, { key, onEvent: (event) => void events.push(event) })
  ).done;
  expect(events[0]).toMatchObject({ data: label('1'), correlationId: 'run-1' });
});

test('entries of one type with other keys are published without waiting for each other, everything else in turn', async () => {
  const bus = await broker.connect();
  const collection = memoryCollection();
  const begun: string[] = [];
  const stored: string[] = [];
  let answer = (): void => undefined;
  let refused = 'key-3';
  const outbox = createOutbox({
    publishEncoded: async (_event, key, _body, { id }) => {
      begun.push(id);
      await new Promise<void>((resolve) => (answer = andThen(answer, resolve)));
      if (key === refused) throw new RetryableError('RK_BUS_UNAVAILABLE', 'not stored');
      stored.push(id);
      return { sequence: stored.length, duplicate: false };
    },
  });
  const of = (key: string, id: string): OutboxEntry[] => entriesFor(createOutbox(bus), key, [id]);
  collection.save('doc', [
    ...of('key-1', 'a'),
    ...of('key-2', 'b'),
    ...of('key-3', 'c'),
    ...of('key-1', 'd'),
  ]);
  const first = outbox.flush(collection, 'doc');
  await until(
    async () => begun.length,
    (count) => count === 3,
    'entries sent',
  );
  expect(begun).toEqual(['key-1-a', 'key-2-b', 'key-3-c']);
  answer();
  await expect(first).rejects.toMatchObject({ code: 'RK_BUS_UNAVAILABLE' });
  expect(collection.documents.get('doc')?.outbox?.map(({ id }) => id)).toEqual(['key-3-c', 'key-1-d']);
  refused = '';
  const second = outbox.flush(collection, 'doc');
  // The last one has another key than those before it, but for the first.
  await until(
    async () => begun.length,
    (count) => count === 5,
    'entries sent',
  );
  answer();
  await second;
  expect(stored).toEqual(['key-1-a', 'key-2-b', 'key-3-c', 'key-1-d']);
  expect(collection.documents.get('doc')?.outbox).toEqual([]);
});

test('a crash after publishing and before the removal publishes nothing twice', async () => {
  const bus = await broker.connect();
  const outbox = createOutbox(bus);
  const collection = memoryCollection();
  const key = unique('crash');
  collection.save('doc', entriesFor(outbox, key, ['1', '2']));
  collection.failPull = true;
  await expect(outbox.flush(collection, 'doc')).rejects.toThrow('crashed before the pull');
  expect(collection.documents.get('doc')?.outbox).toHaveLength(2);
  collection.failPull = false;
  expect(await createOutbox(bus).recover(collection)).toBe(1);
  expect(await storedIds(bus, key)).toEqual([`${key}-1`, `${key}-2`]);
  expect(collection.documents.get('doc')?.outbox).toEqual([]);
});

test('a crash in the middle of the entries loses none and keeps their order', async () => {
  const bus = await broker.connect();
  const collection = memoryCollection();
  const key = unique('middle');
  let left = 1;
  const dying = createOutbox({
    publishEncoded: async (...args) => {
      if (left-- <= 0) throw new RetryableError('RK_BUS_UNAVAILABLE', 'gone');
      return bus.publishEncoded(...args);
    },
  });
  collection.save('doc', entriesFor(dying, key, ['1', '2', '3']));
  await expect(dying.flush(collection, 'doc')).rejects.toThrow('gone');
  expect(collection.documents.get('doc')?.outbox?.map((entry) => entry.id)).toEqual([`${key}-2`, `${key}-3`]);
  await createOutbox(bus).recover(collection);
  expect(await storedIds(bus, key)).toEqual([`${key}-1`, `${key}-2`, `${key}-3`]);
});

test('a crash before anything was published is made good at the next start', async () => {
  const bus = await broker.connect();
  const outbox = createOutbox(bus, { logger: recordingLogger() });
  const collection = memoryCollection();
  const key = unique('start');
  for (const id of ['a', 'b', 'c']) collection.save(id, entriesFor(outbox, key, [id]));
  const stop = outbox.startRecovery([collection], 20);
  await until(
    () => storedIds(bus, key),
    (ids) => ids.length === 3,
    'recovered at the start',
  );
  // And again, for what comes later.
  collection.save('d', entriesFor(outbox, key, ['d']));
  await until(
    () => storedIds(bus, key),
    (ids) => ids.length === 4,
    'recovered in the next round',
  );
  await stop();
  expect([...collection.documents.values()].every((document) => document.outbox?.length === 0)).toBe(true);
});

test('flushes of one document at the same time publish each entry once, and see what was saved before the call', async () => {
  const bus = await broker.connect();
  const collection = memoryCollection();
  const key = unique('concurrent');
  const published: string[] = [];
  const outbox = createOutbox({
    publishEncoded: async (event, k, body, options) => {
      published.push(options.id);
      return bus.publishEncoded(event, k, body, options);
    },
  });
  collection.save('doc', entriesFor(outbox, key, ['1', '2']));
  const first = outbox.flush(collection, 'doc');
  collection.save('doc', entriesFor(outbox, key, ['3']));
  await Promise.all([first, ...Array.from({ length: 10 }, () => outbox.flush(collection, 'doc'))]);
  expect(published).toEqual([`${key}-1`, `${key}-2`, `${key}-3`]);
  expect(collection.documents.get('doc')?.outbox).toEqual([]);
});

test('a document that cannot be sent does not hold up the others, and is named in the log', async () => {
  const bus = await broker.connect();
  const logger = recordingLogger();
  const outbox = createOutbox(bus, { logger });
  const collection = memoryCollection();
  const key = unique('poison');
  const [entry] = entriesFor(outbox, key, ['bad']);
  collection.save('bad', [{ ...(entry as OutboxEntry), type: 'ml.no.such' }]);
  collection.save('good', entriesFor(outbox, key, ['good']));
  expect(await outbox.recover(collection)).toBe(1);
  expect(await storedIds(bus, key)).toEqual([`${key}-good`]);
  expect(logger.lines.find((line) => line.level === 'warn')?.fields).toMatchObject({ document: 'bad' });
});

test('a bad key is refused when the entry is made, before any state is saved', async () => {
  const outbox = createOutbox(await broker.connect());
  expect(() => outbox.entry(labelReceived, 'not.a.key', label('p'), { id: 'x' })).toThrow(/not\.a\.key/);
});

test("it works on the store's own collections", async () => {
  const directory = await mkdtemp(join(tmpdir(), 'rookery-outbox-'));
  const store = await openStore({ directory, database: 'outbox' });
  const bus = await broker.connect();
  const outbox = createOutbox(bus);
  const collection = await store.collection<OutboxDocument>('runs', {
    indexes: [{ fields: ['outbox.id'], sparse: true }],
  });
  const key = unique('store');
  await collection.insertOne({ _id: 'flushed', outbox: entriesFor(outbox, key, ['1', '2']) });
  await collection.insertOne({ _id: 'left', outbox: entriesFor(outbox, key, ['3']) });
  await collection.insertOne({ _id: 'quiet', outbox: [] });
  await collection.insertOne({ _id: 'none' });
  await outbox.flush(collection, 'flushed');
  expect(await outbox.recover(collection)).toBe(1);
  expect(await storedIds(bus, key)).toEqual([`${key}-1`, `${key}-2`, `${key}-3`]);
  expect((await collection.find()).map((document) => document.outbox?.length ?? 0)).toEqual([0, 0, 0, 0]);
  await store.close();
  await rm(directory, { recursive: true });
});
