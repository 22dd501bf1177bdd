import { events } from '@rookery/contracts';
import type { EventType } from '@rookery/contracts';
import { createOutbox } from '@rookery/bus';
import { rowToProto } from '@rookery/client';
import { Signature } from '@rookery/proto/rookery/domain/v1/data';
import { RunState } from '@rookery/proto/rookery/registry/v1/registry';
import { checkHealth } from '@rookery/service-kit/client';
import { openStore } from '@rookery/store';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { exampleCsv, labelledRows } from './support/csv.js';
import { answersOf, rebuildNotes, settled, storedServices } from './support/databases.js';
import { startLossyProxy } from './support/lossy-proxy.js';
import type { LossyProxy } from './support/lossy-proxy.js';
import { startOpenLoop } from './support/open-loop.js';
import { exampleUri, startTestSystem } from './support/test-system.js';
import type { TestSystem } from './support/test-system.js';
import { eventually } from './support/waiting.js';

const mongodbUrl = process.env['MONGODB_URL'] ?? '';

const penguins = {
  name: 'penguins',
  uri: exampleUri('penguins.csv'),
  target: 'species',
  epochs: 20,
  gate: { metric: 'accuracy', threshold: 0, allowWorseThanChampion: true },
};

/** Names of the databases that a system makes. */
const databases: readonly string[] = storedServices;

async function withServer<R>(
  use: (server: { names(): Promise<string[]>; drop(name: string): Promise<unknown> }) => Promise<R>,
): Promise<R> {
  const { MongoClient } = await import('mongodb');
  const client = await MongoClient.connect(mongodbUrl);
  try {
    return await use({
      names: async () => (await client.db('admin').admin().listDatabases()).databases.map(({ name }) => name),
      drop: (name) => client.db(name).dropDatabase(),
    });
  } finally {
    await client.close();
  }
}

function throughProxy({ port }: LossyProxy): string {
  const url = new URL(mongodbUrl);
  url.hostname = '127.0.0.1';
  url.port = String(port);
  url.searchParams.set('directConnection', 'true');
  return url.href;
}

function upstreamPort(): number {
  return Number(new URL(mongodbUrl).port || 27017);
}

if (mongodbUrl === '') {
  it.skip('the whole path on MongoDB: skipped, MONGODB_URL is not set', () => undefined);
  process.stdout.write(
    'system: the run on MongoDB is skipped because MONGODB_URL is not set (node tests/mongodb/server.mjs starts a server)\n',
  );
} else {
  describe('the embedded outbox on MongoDB', () => {
    it('holds an announcement once, and publishes it, where answers of updates are lost on their way', async () => {
      const proxy = await startLossyProxy(upstreamPort());
      const database = `rookery_outbox_${process.pid}`;
      const store = await openStore({ mongodbUrl: throughProxy(proxy), directory: '', database });
      const published: string[] = [];
      const outbox = createOutbox({
        publishEncoded: (_event, _key, _body, { id }) => {
          published.push(id);
          return Promise.resolve({ sequence: published.length, duplicate: false });
        },
      });
      const runs = await store.collection<{ _id: string; done: string[]; outbox: { id: string }[] }>('runs');
      await runs.insertOne({ _id: 'a', done: [], outbox: [] });
      const again = async (write: () => Promise<unknown>): Promise<void> => {
        await eventually(() => write().then(() => true), 'the write is answered');
      };
      const ids = Array.from({ length: 12 }, (_, k) => `event-${k}`);
      for (const id of ids) {
        const entry = outbox.entry(
          events.runCompleted,
          'run-a',
          { runId: 'run-a', model: 'm', outcome: 1, version: 1, reasons: [], code: '', runAttempt: 1 },
          { id },
        );
        proxy.loseAnswers(1);
        await again(() =>
          runs.updateOne(
            { _id: 'a', done: { $ne: id } },
            { $push: { done: id, outbox: { $each: [entry] } } },
          ),
        );
      }
      expect(proxy.lost()).toBe(ids.length);
      const kept = await runs.findOne({ _id: 'a' });
      expect(kept?.done).toEqual(ids);
      expect(kept?.outbox.map(({ id }) => id)).toEqual(ids);

      // Published in order; the answer to their removal is lost, so that it is done twice.
      proxy.loseAnswers(1);
      await again(() => outbox.flush(runs as never, 'a'));
      expect([...new Set(published)]).toEqual(ids);
      expect((await runs.findOne({ _id: 'a' }))?.outbox).toEqual([]);
      await store.close();
      await proxy.close();
      await withServer(({ drop }) => drop(database));
    });

    it('a server that is not there is an error within seconds', async () => {
      const proxy = await startLossyProxy(upstreamPort());
      const store = await openStore({
        mongodbUrl: throughProxy(proxy),
        directory: '',
        database: `rookery_away_${process.pid}`,
      });
      const things = await store.collection('things');
      proxy.cut();
      await expect(things.findOne({ _id: 'a' })).rejects.toMatchObject({ code: 'RK_STORE_UNAVAILABLE' });
      await expect(store.ping()).rejects.toMatchObject({ code: 'RK_STORE_UNAVAILABLE' });
      proxy.heal();
      await eventually(() => store.ping().then(() => true), 'the server answers again');
      await store.close();
      await proxy.close();
    });
  });

  describe('the whole path on MongoDB', () => {
    let world: TestSystem;
    let proxy: LossyProxy;
    beforeAll(async () => {
      const taken = await withServer(async ({ names }) =>
        (await names()).filter((name) => databases.includes(name)),
      );
      // Not ours to remove.
      if (taken.length > 0)
        throw new Error(
          `The server of MONGODB_URL has the databases ${taken.join(', ')}: use one for tests alone`,
        );
      proxy = await startLossyProxy(upstreamPort());
      world = await startTestSystem({
        env: {
          MONGODB_URL: throughProxy(proxy),
          ROOKERY_MONITOR_EVERY: '1000000',
          ROOKERY_MONITOR_INTERVAL_MS: '86400000',
        },
      });
    });
    afterAll(async () => {
      await world?.stop();
      await proxy?.close();
      await withServer(async ({ names, drop }) => {
        for (const name of await names()) if (databases.includes(name)) await drop(name);
      });
    });

    const statusOf = async (service: string): Promise<string> =>
      (await checkHealth(world.system.addresses[service] ?? '', '', 2_000)).status;
    const countOf = async <T extends { runId: string }>(
      event: EventType<T>,
      runId: string,
    ): Promise<number> => {
      let count = 0;
      const replay = await (
        await world.client.bus()
      ).replay(event, {
        onEvent: ({ data }) => void (count += Number(data.runId === runId)),
      });
      await replay.done;
      return count;
    };

    it('goes on after the database was away in the middle of a run, and predictions never notice', async () => {
      const { version } = await world.serve(penguins);
      const rows = labelledRows(exampleCsv('penguins.csv'), version.signature ?? Signature.fromPartial({}));
      const loop = startOpenLoop(
        world.system.addresses['inference'] ?? '',
        { model: 'penguins', rows: rows.slice(0, 1).map(({ row }) => rowToProto(row)) },
        { perSecond: 20, connections: 2 },
      );
      const run = await world.client.publish({ ...penguins, epochs: 200 });
      await world.tap.wait(events.runStarted, ({ runId }) => runId === run.runId, 'the start of the run');
      proxy.cut();
      await eventually(
        async () => (await statusOf('registry')) === 'NOT_SERVING' || undefined,
        'the registry says that it can not work',
      );
      proxy.heal();
      const end = await run.outcome;
      await run.stop();
      expect(end.state).toBe('serving');
      for (const service of storedServices)
        await eventually(
          async () => (await statusOf(service)) === 'SERVING' || undefined,
          `${service} serves again`,
        );
      await loop.stop();
      await settled(world);
      expect(loop.failures).toEqual([]);
      for (const event of [events.runStarted, events.runEvaluated, events.runCompleted] as const)
        expect(await countOf<{ runId: string }>(event as never, run.runId), event.type).toBe(1);
      const answers = await world.client.predict(
        'penguins',
        rows.map(({ row }) => row),
      );
      await world.client.label(
        'penguins',
        answers.map(({ id }, k) => ({ predictionId: id, label: rows[k]?.truth ?? '' })),
      );
      const report = await world.client.report({
        model: 'penguins',
        minPredictions: rows.length,
        waitMs: 20_000,
      });
      expect(report.predictions).toBeGreaterThanOrEqual(rows.length);
    });

    it('does nothing twice where the answers of its updates are lost', async () => {
      const latest = (await world.client.model('penguins')).model.latestVersion;
      const before = proxy.lost();
      proxy.loseAnswers(25);
      const run = await world.client.publish({ ...penguins, epochs: 25 });
      const end = await run.outcome;
      await run.stop();
      proxy.heal();
      expect(proxy.lost()).toBeGreaterThan(before);
      expect(end.state).toBe('serving');
      await settled(world);
      const { model, versions } = await world.client.model('penguins');
      expect(model.latestVersion).toBe(latest + 1);
      expect(versions.filter(({ runId }) => runId === run.runId)).toHaveLength(1);
      expect((await world.client.run(run.runId)).state).toBe(RunState.RUN_STATE_PROMOTED);
      const distinct = async (type: EventType<never>): Promise<Set<string>> => {
        const ids = new Set<string>();
        const replay = await (
          await world.client.bus()
        ).replay(type, {
          onEvent: ({ id, correlationId }) => void (correlationId === run.runId && ids.add(id)),
        });
        await replay.done;
        return ids;
      };
      expect((await distinct(events.foldEvaluated as never)).size).toBe(5);
      expect((await distinct(events.modelPromoted as never)).size).toBe(1);
      const history = await world.client.aliasHistory('penguins');
      expect(history.map(({ revision }) => revision)).toEqual(history.map((_, k) => k + 1));
    });

    it('a database that is dropped under a running service is rebuilt to the same content', async () => {
      await settled(world);
      const before = await answersOf(world.client);
      for (const service of storedServices) {
        const told = rebuildNotes(world, service).length;
        await withServer(({ drop }) => drop(service));
        await eventually(
          () => rebuildNotes(world, service).length > told || undefined,
          `${service} is rebuilt`,
          90_000,
        );
        await world.system.waitReady(service, 30_000);
      }
      await settled(world);
      expect(await answersOf(world.client)).toEqual(before);
    });
  });
}
