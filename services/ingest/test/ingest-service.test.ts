import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { Objm } from '@nats-io/obj';
import type { BusEvent } from '@rookery/bus';
import { collect } from '@rookery/bus/testing';
import { datasetIdOf, events, RetryableError, runIdOf } from '@rookery/contracts';
import type { EventType } from '@rookery/contracts';
import type { DatasetIngested, DatasetRejected } from '@rookery/proto/rookery/events/v1/dataset';
import type { UploadDatasetRequest, UploadDatasetResponse } from '@rookery/proto/rookery/ingest/v1/ingest';
import { callUnary, remoteErrorOf } from '@rookery/service-kit';
import { tableFromArrow } from '@rookery/tabular';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { catsCsv, readyOf } from './fixtures.js';
import { dataFolder, startHarness } from './harness.js';
import type { Harness } from './harness.js';

const penguins = pathToFileURL(join(dataFolder, 'penguins.csv')).href;

let harness: Harness;
beforeAll(async () => {
  harness = await startHarness({ maxBytes: 100_000 });
}, 30_000);
afterAll(() => harness.stop());

/** Publishes as any NATS client does: bare JSON (or any bytes), no headers. Returns the stream's sequence. */
async function publishBare(body: unknown): Promise<number> {
  const bytes = typeof body === 'string' ? body : JSON.stringify(body);
  return (await harness.bus.js.publish('ml.dataset.ready', bytes)).seq;
}

/** Waits for the first event that fits. */
async function firstOf<T>(event: EventType<T>, fits: (data: T) => boolean): Promise<BusEvent<T>> {
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(), 20_000);
  let found: BusEvent<T> | undefined;
  const replay = await harness.bus.replay(event, {
    untilCaughtUp: false,
    signal: stop.signal,
    onEvent: (item) => {
      if (found !== undefined || !fits(item.data)) return;
      found = item;
      stop.abort();
    },
  });
  await replay.done;
  clearTimeout(timer);
  if (found === undefined) throw new Error(`no ${event.type} event fits`);
  return found;
}

const ingestedOf = (name: string): Promise<BusEvent<DatasetIngested>> =>
  firstOf(events.datasetIngested, (data) => data.name === name);

const fileOf = async (name: string, content: string | Buffer): Promise<string> => {
  const path = join(harness.folder, name);
  await writeFile(path, content);
  return pathToFileURL(path).href;
};

describe('ml.dataset.ready', () => {
  test('a bare JSON publish without headers gives a stored, profiled, announced version', async () => {
    await publishBare({ name: 'penguins', uri: penguins, target: 'species' });
    const event = await ingestedOf('penguins');
    const { data } = event;
    expect(data).toMatchObject({
      datasetId: datasetIdOf(data.requestEventId),
      version: 1,
      rows: 344,
      request: { name: 'penguins', uri: penguins, target: 'species' },
      sourceSha256: createHash('sha256')
        .update(readFileSync(join(dataFolder, 'penguins.csv')))
        .digest('hex'),
    });
    expect([event.key, event.correlationId, event.causationId]).toEqual([
      'penguins',
      runIdOf(data.requestEventId),
      data.requestEventId,
    ]);
    expect(data.columns.map((c) => [c.name, c.missing])).toContainEqual(['sex', 11]);
    const table = tableFromArrow(await harness.artifacts.get(data.artifact!.sha256));
    expect([table.rows, table.columns.length]).toEqual([344, 7]);
    const profile = JSON.parse(Buffer.from(await harness.artifacts.get(data.profile!.sha256)).toString());
    expect(profile.columns.map((c: { name: string }) => c.name)).toEqual(data.columns.map((c) => c.name));
  });

  test('an event delivered three times is one version, announced once', async () => {
    await publishBare({ name: 'again', uri: penguins, target: 'species' });
    const first = await ingestedOf('again');
    await harness.deliverAllAgain();
    await harness.idle();
    await harness.deliverAllAgain();
    await harness.idle();
    const { datasets } = await callUnary(harness.client, 'listDatasets', {
      name: 'again',
      limit: 0,
      offset: 0,
    });
    expect(datasets.map((d) => [d.version, d.datasetId])).toEqual([[1, first.data.datasetId]]);
    const all = await harness.bus.replay(events.datasetIngested, { key: 'again', onEvent: () => {} });
    await all.done;
    expect(all.count()).toBe(1);
  });

  test('versions of a name are numbered from 1 without gaps, also where events come at once', async () => {
    await Promise.all(
      Array.from({ length: 6 }, () => publishBare({ name: 'many', uri: penguins, target: 'species' })),
    );
    await harness.idle();
    const { datasets } = await callUnary(harness.client, 'listDatasets', {
      name: 'many',
      limit: 0,
      offset: 0,
    });
    expect(datasets.map((d) => d.version).sort()).toEqual([1, 2, 3, 4, 5, 6]);
  });

  test('an object of the object store and an artifact are read too', async () => {
    const bucket = await new Objm(harness.bus.nc).create('incoming');
    await bucket.putBlob({ name: 'cats 1.csv' }, new Uint8Array(Buffer.from(catsCsv)));
    await publishBare({ name: 'object', uri: 'object://incoming/cats%201.csv', target: 'kind' });
    expect((await ingestedOf('object')).data.rows).toBe(12);
    // A link is an object too: within its bucket it is followed, out of it not.
    const other = await new Objm(harness.bus.nc).create('others');
    await other.putBlob({ name: 'own.csv' }, new Uint8Array(Buffer.from(catsCsv)));
    await bucket.link('inner.csv', (await bucket.info('cats 1.csv'))!);
    await bucket.link('outer.csv', (await other.info('own.csv'))!);
    await publishBare({ name: 'linked', uri: 'object://incoming/inner.csv', target: 'kind' });
    expect((await ingestedOf('linked')).data.rows).toBe(12);
    await publishBare({ name: 'left', uri: 'object://incoming/outer.csv', target: 'kind' });
    const left = await firstOf(events.datasetRejected, (data) => data.name === 'left');
    expect(left.data).toMatchObject({
      code: 'RK_DATASET_URI_FORBIDDEN',
      details: { bucket: 'incoming', target: 'others' },
    });
    const ref = await harness.artifacts.put(new Uint8Array(Buffer.from(catsCsv)), 'text/csv');
    await publishBare({
      name: 'artifact',
      uri: `artifact:${ref.sha256}`,
      target: 'kind',
      sha256: ref.sha256,
    });
    expect((await ingestedOf('artifact')).data.sourceSha256).toBe(ref.sha256);
  });

  test.each<[string, () => Promise<unknown>, string, Partial<DatasetRejected>]>([
    ['malformed JSON', async () => '{"name":', 'RK_MESSAGE_MALFORMED', { name: '' }],
    [
      'an unknown field',
      async () => ({ name: 'bad1', uri: penguins, target: 'species', colour: 1 }),
      'RK_MESSAGE_UNKNOWN_FIELD',
      { name: 'bad1' },
    ],
    [
      'a wrong type',
      async () => ({ name: 'bad2', uri: penguins, target: 'species', folds: 'five' }),
      'RK_MESSAGE_WRONG_TYPE',
      { name: 'bad2' },
    ],
    [
      'a name with a dot',
      async () => ({ name: 'bad.3', uri: penguins, target: 'species' }),
      'RK_KEY_INVALID',
      { name: 'bad.3' },
    ],
    [
      'no target column',
      async () => ({ name: 'bad4', uri: penguins, target: 'kind' }),
      'RK_DATASET_TARGET_MISSING',
      {},
    ],
    [
      'a file that is not there',
      async () => ({ name: 'bad5', uri: `${penguins}x`, target: 'species' }),
      'RK_DATASET_NOT_FOUND',
      {},
    ],
    [
      'a file elsewhere',
      async () => ({ name: 'bad6', uri: 'file:///etc/hosts', target: 'a' }),
      'RK_DATASET_URI_FORBIDDEN',
      {},
    ],
    [
      'an unknown scheme',
      async () => ({ name: 'bad7', uri: 'ftp://a/b', target: 'a' }),
      'RK_DATASET_URI_INVALID',
      {},
    ],
    [
      'an empty file',
      async () => ({ name: 'bad8', uri: await fileOf('empty.csv', ''), target: 'a' }),
      'RK_DATASET_EMPTY',
      {},
    ],
    [
      'a ragged row',
      async () => ({ name: 'bad9', uri: await fileOf('ragged.csv', 'a,b\n1,2\n3\n'), target: 'a' }),
      'RK_DATASET_RAGGED',
      { details: { line: '3', expected: '2', got: '1' } },
    ],
    [
      'a NUL byte',
      async () => ({ name: 'bad10', uri: await fileOf('nul.csv', 'a,b\n1,\0\n'), target: 'a' }),
      'RK_DATASET_NUL_BYTE',
      { details: { line: '2', offset: '6' } },
    ],
    [
      'a wrong sha256',
      async () => ({ name: 'bad11', uri: penguins, target: 'species', sha256: '0'.repeat(64) }),
      'RK_DATASET_CHECKSUM',
      {},
    ],
    [
      'an all-missing column',
      async () => ({ name: 'bad12', uri: await fileOf('void.csv', 'k,x\na,\nb,NA\n'), target: 'k' }),
      'RK_DATASET_COLUMN_EMPTY',
      {},
    ],
    [
      'more folds than rows',
      async () => ({ name: 'bad13', uri: penguins, target: 'species', folds: 345 }),
      'RK_FOLDS_INVALID',
      { details: { folds: '345', rows: '344' } },
    ],
    [
      'a file over the limit',
      async () => ({
        name: 'bad14',
        uri: await fileOf('large.csv', Buffer.alloc(100_001, 'a')),
        target: 'a',
      }),
      'RK_DATASET_TOO_LARGE',
      {},
    ],
    [
      'an artifact that is not there',
      async () => ({ name: 'bad15', uri: `artifact:${'0'.repeat(64)}`, target: 'a' }),
      'RK_ARTIFACT_NOT_FOUND',
      {},
    ],
    [
      'a bucket that is not there',
      async () => ({ name: 'bad16', uri: 'object://nowhere/x.csv', target: 'a' }),
      'RK_DATASET_NOT_FOUND',
      {},
    ],
    [
      'an object that is not there',
      async () => ({ name: 'bad17', uri: 'object://incoming/x.csv', target: 'a' }),
      'RK_DATASET_NOT_FOUND',
      {},
    ],
  ])('%s is rejected by name, recorded, and the next event is taken in', async (_, body, code, fields) => {
    const sequence = await publishBare(await body());
    await harness.idle();
    const { datasets } = await callUnary(harness.client, 'listDatasets', { name: '', limit: 1, offset: 0 });
    const record = datasets[0]!;
    expect(record).toMatchObject({ state: 'rejected', code });
    const event = await firstOf(
      events.datasetRejected,
      (data) => data.requestEventId === record.requestEventId,
    );
    expect(event.data).toMatchObject({ code, ...fields });
    expect(event.data.hint).not.toBe('');
    expect(event.sequence).toBeGreaterThan(sequence);
    expect(event.key).toBe(/^[\w-]+$/.test(event.data.name) ? event.data.name : 'unnamed');
  });
});

describe('what fails for a while', () => {
  test('to be announced is recorded once, and announced by the next attempt', async () => {
    const flaky = await startHarness({
      outbox: (real) => {
        let failures = 1;
        return {
          ...real,
          startRecovery: () => async () => {},
          flush: async (collection, id) => {
            if (failures-- > 0) throw new RetryableError('RK_BUS_UNAVAILABLE', 'away', { afterMs: 1 });
            await real.flush(collection, id);
          },
        };
      },
    });
    try {
      await flaky.bus.publish(
        events.datasetReady,
        '',
        readyOf({ name: 'flaky', uri: penguins, target: 'species' }),
        { id: 'e1' },
      );
      const [event] = await collect(flaky.bus, events.datasetIngested, 1, 20_000);
      expect([event!.data.version, event!.data.requestEventId]).toEqual([1, 'e1']);
    } finally {
      await flaky.stop();
    }
  }, 60_000);

  test('a server that does not answer is tried again, and the data set rejected on the last attempt', async () => {
    let calls = 0;
    const server = createServer((_, response) => {
      calls++;
      response.writeHead(503).end();
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const uri = `http://127.0.0.1:${(server.address() as AddressInfo).port}/a.csv`;
    try {
      await publishBare({ name: 'down', uri, target: 'a' });
      const event = await firstOf(events.datasetRejected, (data) => data.name === 'down');
      expect(event.data).toMatchObject({ code: 'RK_DATASET_UNREACHABLE', details: { status: '503' } });
      expect(calls).toBe(5);
    } finally {
      server.close();
    }
  }, 60_000);
});

describe('IngestService', () => {
  const upload = (...messages: UploadDatasetRequest[]): Promise<UploadDatasetResponse> =>
    new Promise((resolve, reject) => {
      const call = harness.client.uploadDataset((error, response) => {
        if (error) reject(remoteErrorOf(error) ?? error);
        else resolve(response);
      });
      call.on('error', () => {});
      for (const message of messages) call.write(message);
      call.end();
    });
  const described = (changes = {}): UploadDatasetRequest => ({
    part: { $case: 'description', value: readyOf({ name: 'uploaded', uri: '', ...changes }) },
  });
  const chunk = (text: string): UploadDatasetRequest => ({
    part: { $case: 'chunk', value: Buffer.from(text) },
  });

  test('an upload is stored, taken in, and found by id and by name', async () => {
    const response = await upload(
      described({ uri: 'cats.csv' }),
      chunk(catsCsv.slice(0, 50)),
      chunk(catsCsv.slice(50)),
    );
    expect(response.runId).toBe(runIdOf(response.eventId));
    expect(response.source).toMatchObject({ mediaType: 'text/csv', bytes: catsCsv.length });
    const event = await ingestedOf('uploaded');
    expect(event.data).toMatchObject({
      requestEventId: response.eventId,
      rows: 12,
      sourceSha256: response.source!.sha256,
      request: { format: 'csv' },
    });
    const byId = await callUnary(harness.client, 'getDataset', {
      datasetId: event.data.datasetId,
      name: '',
      version: 0,
    });
    expect(byId.dataset).toMatchObject({
      name: 'uploaded',
      version: 1,
      state: 'ingested',
      rows: 12,
      runId: response.runId,
    });
    expect(JSON.parse(byId.profileJson)).toMatchObject({ rows: 12 });
    await expect(
      callUnary(harness.client, 'getDataset', { datasetId: '', name: 'uploaded', version: 0 }),
    ).resolves.toEqual(byId);
    await expect(
      callUnary(harness.client, 'getDataset', { datasetId: '', name: 'uploaded', version: 1 }),
    ).resolves.toEqual(byId);
  });

  test.each<[string, UploadDatasetRequest[], string]>([
    ['no message', [], 'RK_REQUEST_INVALID'],
    ['a chunk first', [chunk('a')], 'RK_REQUEST_INVALID'],
    ['an empty message', [described(), { part: undefined }], 'RK_REQUEST_INVALID'],
    ['two descriptions', [described(), described()], 'RK_REQUEST_INVALID'],
    ['a description without target', [described({ target: '' }), chunk('a')], 'RK_MESSAGE_MISSING_FIELD'],
    ['no bytes', [described(), chunk('')], 'RK_DATASET_EMPTY'],
    ['another sha256', [described({ sha256: '0'.repeat(64) }), chunk('a')], 'RK_DATASET_CHECKSUM'],
    [
      'too many bytes',
      [described(), chunk('a'.repeat(60_000)), chunk('a'.repeat(60_000))],
      'RK_DATASET_TOO_LARGE',
    ],
  ])('an upload of %s is refused and publishes nothing', async (_, messages, code) => {
    const before = await harness.bus.jsm.streams.info('ML_EVENTS');
    await expect(upload(...messages)).rejects.toMatchObject({ code });
    const after = await harness.bus.jsm.streams.info('ML_EVENTS');
    expect(after.state.last_seq).toBe(before.state.last_seq);
  });

  test('what is not there, and a question for nothing, are errors by name', async () => {
    const get = (datasetId: string, name: string): Promise<unknown> =>
      callUnary(harness.client, 'getDataset', { datasetId, name, version: 0 });
    await expect(get('ds-none', '')).rejects.toMatchObject({ code: 'RK_DATASET_NOT_FOUND' });
    await expect(get('', 'none')).rejects.toMatchObject({ code: 'RK_DATASET_NOT_FOUND' });
    await expect(get('', '')).rejects.toMatchObject({ code: 'RK_REQUEST_INVALID' });
  });
});
