import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { events } from '@rookery/contracts';
import type { EventType } from '@rookery/contracts';
import { rowToProto } from '@rookery/client';
import { RunState } from '@rookery/proto/rookery/registry/v1/registry';
import { checkHealth } from '@rookery/service-kit/client';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { exampleCsv, labelledRows, scrambleColumn, writeCsv } from './support/csv.js';
import {
  answersOf,
  databaseFolder,
  documentsOf,
  rebuildNotes,
  settled,
  storedServices,
  whileFrozen,
} from './support/databases.js';
import type { Documents } from './support/databases.js';
import { startOpenLoop } from './support/open-loop.js';
import { exampleUri, startTestSystem } from './support/test-system.js';
import type { TestSystem } from './support/test-system.js';
import { eventually, within } from './support/waiting.js';

let world: TestSystem;

/** Reports only where a test asks for one. */
const quietMonitor = { ROOKERY_MONITOR_EVERY: '1000000', ROOKERY_MONITOR_INTERVAL_MS: '86400000' };

const penguins = {
  name: 'penguins',
  uri: exampleUri('penguins.csv'),
  target: 'species',
  epochs: 10,
  gate: { metric: 'accuracy', threshold: 0, allowWorseThanChampion: true },
};

/** A history with every way in which a run ends and an alias moves. */
async function makeHistory(): Promise<void> {
  const { client } = world;
  await world.serve({ ...penguins, tags: { 'with.dots': '$and more' } });
  const { runId, version } = await world.serve({ ...penguins, epochs: 30 });
  const byGate = await world.run({ ...penguins, epochs: 1, gate: { ...penguins.gate, threshold: 0.9999 } });
  expect(byGate.end.state).toBe('rejected');
  const worse = scrambleColumn(exampleCsv('penguins.csv'), 'species');
  const byChampion = await world.run({
    ...penguins,
    uri: writeCsv(world.directory, 'scrambled.csv', worse),
    gate: { ...penguins.gate, allowWorseThanChampion: false },
  });
  expect(byChampion.end).toMatchObject({ state: 'rejected', rejection: { code: 'RK_CHAMPION_BETTER' } });
  const diabetes = { name: 'diabetes', uri: exampleUri('diabetes.csv'), target: 'target', epochs: 5 };
  const failed = await world.run({ ...diabetes, learningRate: 99, epochs: 30 });
  expect(failed.end).toMatchObject({ state: 'failed', failure: { code: 'RK_TRAIN_DIVERGED' } });
  await world.serve({ ...diabetes, gate: { metric: 'rmse', allowWorseThanChampion: true } });
  await turnRuns(runId, failed.runId);
  const refused = await world.run({ ...penguins, name: 'nothing', uri: 'file:///nowhere/at-all.csv' });
  expect(refused.end.state).toBe('dataset-rejected');

  const move = { model: 'penguins', actor: 'alice', reason: 'to look at it' };
  const staging = await client.setAlias({ ...move, alias: 'staging', version: 1, expectedRevision: 0 });
  await client.setAlias({ ...move, alias: 'staging', version: 3, expectedRevision: staging.revision });
  await client.setAlias({ ...move, alias: 'candidate', version: 2, expectedRevision: 0 });
  await client.rollBack({ model: 'penguins', actor: 'bob', reason: 'the newer one is worse' });
  await client.setAlias({ ...move, alias: 'champion', version: 2, expectedRevision: 3 });
  await eventually(async () => {
    const { models } = await client.served();
    return (
      models.some(({ model, aliasRevision }) => model === 'penguins' && aliasRevision === 4) || undefined
    );
  }, 'version 2 answers again');

  const rows = labelledRows(exampleCsv('penguins.csv'), version.signature ?? fail('a signature'));
  const answers = await client.predict(
    'penguins',
    rows.map(({ row }) => row),
  );
  const truths = answers.map(({ id }, k) => ({ predictionId: id, label: rows[k]?.truth ?? '' }));
  await client.label('penguins', truths.slice(0, 100));
  await client.label('penguins', [{ predictionId: 'of-no-prediction', label: 'Adelie' }]);
  await client.report({ model: 'penguins', minPredictions: rows.length, waitMs: 20_000 });
  await client.report({ model: 'penguins', window: 50 });
}

/** Resumes a failed run, which fails again, cancels a run and one that searches, and reproduces a completed one. */
async function turnRuns(completed: string, failed: string): Promise<void> {
  const { runControl } = world.client;
  const turn = { actor: 'carol', reason: 'to see' };
  const again = await world.client.followRun(failed);
  await runControl.resume({ runId: failed, ...turn });
  expect(await within(again.outcome, 'the second failure', 60_000)).toMatchObject({ state: 'failed' });
  await again.stop();

  const space = { learningRate: [0.001, 0.01, 0.1] };
  for (const search of [undefined, { strategy: 'grid', parallel: 1, space }]) {
    const request = { ...penguins, name: 'cancelled', epochs: 3_000, ...(search ? { search } : {}) };
    const published = await world.client.publish(request);
    const { runId } = published;
    const begun = search ? events.searchStarted : events.runStarted;
    await world.tap.wait<unknown>(begun, (data) => JSON.stringify(data).includes(runId), 'the plan');
    await runControl.cancel({ runId, ...turn });
    await within(published.outcome, 'the end of the cancelled run', 60_000);
    await published.stop();
  }

  const watch = await runControl.follow(completed);
  const { reproductionId } = await runControl.reproduce({ runId: completed, actor: 'dave' });
  expect(await within(watch.ended(reproductionId), 'the reproduction', 60_000)).toMatchObject({
    state: 'equal',
  });
  await watch.stop();
}

function fail(what: string): never {
  throw new Error(`There is no ${what}`);
}

/** All that is kept: what services answer, and what their databases hold. */
async function everything(): Promise<{ answers: unknown; documents: Record<string, Documents> }> {
  await settled(world);
  const documents: Record<string, Documents> = {};
  for (const service of storedServices) documents[service] = await documentsOf(world, service);
  return { answers: await answersOf(world.client), documents };
}

/** Sequence of the last event of the log: whatever is announced again moves it. */
async function endOfLog(): Promise<number> {
  return (await (await world.client.bus()).bounds('ML_EVENTS')).lastSequence;
}

async function countOf(
  event: EventType<never> | EventType<unknown>,
  fits: (data: never) => boolean,
): Promise<number> {
  let count = 0;
  const replay = await (
    await world.client.bus()
  ).replay(event as EventType<never>, {
    onEvent: ({ data }) => void (count += Number(fits(data))),
  });
  await replay.done;
  return count;
}

beforeAll(async () => {
  world = await startTestSystem({ env: quietMonitor });
  await makeHistory();
});

afterAll(async () => {
  await world?.stop();
});

describe('a database that is lost', () => {
  let before: Awaited<ReturnType<typeof everything>>;
  let end: number;
  beforeEach(async () => {
    before = await everything();
    end = await endOfLog();
  });
  const expectTheSame = async (): Promise<void> => {
    expect(await everything()).toEqual(before);
    expect(await endOfLog(), 'nothing was announced again').toBe(end);
  };

  it.each(storedServices)(
    'of %s is rebuilt to the same content, and nothing is announced again',
    async (service) => {
      await whileFrozen(world, [service], () => {
        rmSync(databaseFolder(world, service), { recursive: true });
      });
      const note = rebuildNotes(world, service).at(-1);
      expect(note).toMatchObject({ reason: 'the database is new, or was lost', skipped: 0 });
      expect(note?.events).toBeGreaterThan(0);
      const { rebuilt } = await checkHealth(world.system.addresses[service] ?? '', '', 5_000);
      expect(rebuilt).toMatchObject({ events: note?.events, skipped: 0 });
      await expectTheSame();
    },
  );

  it('of every service at once is rebuilt while the broker keeps the log and the artifacts', async () => {
    await whileFrozen(world, storedServices, () => {
      rmSync(join(world.system.dataDir, 'store'), { recursive: true });
    });
    await expectTheSame();
  });

  it.each([
    { registry: 'versions', monitor: 'replicas', ingest: 'rebuild' },
    { registry: 'alias_changes', monitor: 'labels', transform: 'plans' },
    { registry: 'models', monitor: 'reports', evaluator: 'evaluations' },
    { registry: 'runs', monitor: 'captures' },
  ])('in part is completed, and what is left of it stays: %o', async (lost) => {
    await whileFrozen(world, Object.keys(lost), () => {
      for (const [service, collection] of Object.entries(lost))
        rmSync(join(databaseFolder(world, service), `${collection}.db`));
    });
    await expectTheSame();
  });

  it('by damage stops its service with advice, which mends it when it is followed', async () => {
    const file = join(databaseFolder(world, 'registry'), 'runs.db');
    const log = join(world.system.dataDir, 'logs/registry.log');
    const registry = world.system.processes.get('registry') ?? fail('registry');
    const told = rebuildNotes(world, 'registry').length;
    registry.kill('SIGSTOP');
    const lines = readFileSync(file, 'utf8').split('\n');
    lines.splice(1, 0, '{"_id":"run-0000');
    writeFileSync(file, lines.join('\n'));
    registry.kill('SIGKILL');
    await eventually(() => readFileSync(log, 'utf8').includes('damaged line(s)') || undefined, 'the refusal');
    expect(readFileSync(log, 'utf8')).toContain('Move the file away and start the service again');

    renameSync(file, `${file}.damaged`);
    await eventually(() => rebuildNotes(world, 'registry').length > told || undefined, 'the rebuild');
    await world.system.waitReady('registry', 30_000);
    rmSync(`${file}.damaged`);
    await expectTheSame();
  });

  it('again, because the rebuild was killed half way, is rebuilt from the beginning', async () => {
    const bus = await world.client.bus();
    // Enough to read that a kill falls into the middle.
    for (let k = 0; k < 3_000; k += 100) {
      await Promise.all(
        Array.from({ length: 100 }, (_, i) =>
          bus.publish(
            events.labelReceived,
            'penguins',
            { predictionId: `later-${k + i}`, label: 'Adelie', model: 'penguins', labels: [] },
            { id: `later-${k + i}` },
          ),
        ),
      );
    }
    before = await everything();
    end = await endOfLog();
    const monitor = world.system.processes.get('monitor') ?? fail('monitor');
    const record = join(databaseFolder(world, 'monitor'), 'rebuild.db');
    const rebuilding = (): boolean =>
      existsSync(record) &&
      /"state":"rebuilding"/.test(readFileSync(record, 'utf8').trimEnd().split('\n').at(-1) ?? '');
    let killed = 0;
    await whileFrozen(world, ['monitor'], () => {
      rmSync(databaseFolder(world, 'monitor'), { recursive: true });
      const look = setInterval(() => {
        if (!rebuilding() || !monitor.kill('SIGKILL')) return;
        killed += 1;
        if (killed === 2) clearInterval(look);
      }, 1);
    });
    expect(killed).toBe(2);
    expect(rebuildNotes(world, 'monitor').at(-1)?.reason).toBe('an earlier rebuild did not end');
    await expectTheSame();
  });
});

describe('while databases are lost', () => {
  it('predictions go on, and runs that are under way end once, with the next version', async () => {
    const { version } = await world.client.modelVersion('penguins', 'champion');
    const rows = labelledRows(
      exampleCsv('penguins.csv'),
      (await world.client.modelVersion('penguins', version)).signature ?? fail('a signature'),
    );
    const loop = startOpenLoop(
      world.system.addresses['inference'] ?? '',
      { model: 'penguins', rows: rows.slice(0, 4).map(({ row }) => rowToProto(row)) },
      { perSecond: 100, connections: 2 },
    );
    const latest = (await world.client.model('penguins')).model.latestVersion;
    const published = await Promise.all(
      [31, 32, 33].map((epochs) => world.client.publish({ ...penguins, epochs, seed: epochs })),
    );
    for (const service of storedServices) {
      await whileFrozen(world, [service], () => {
        rmSync(databaseFolder(world, service), { recursive: true });
      });
    }
    const ends = await Promise.all(published.map(({ outcome }) => outcome));
    await Promise.all(published.map((run) => run.stop()));
    await settled(world);
    await loop.stop();

    expect(loop.failures).toEqual([]);
    expect(ends.map(({ state }) => state)).toEqual(['serving', 'serving', 'serving']);
    const { model, versions } = await world.client.model('penguins');
    expect(model.latestVersion).toBe(latest + 3);
    expect(versions.map((item) => item.version)).toEqual(
      Array.from({ length: latest + 3 }, (_, k) => latest + 3 - k),
    );
    expect(new Set(versions.map(({ runId }) => runId)).size).toBe(versions.length);
    for (const { runId } of published) {
      expect((await world.client.run(runId)).state).toBe(RunState.RUN_STATE_PROMOTED);
      for (const event of [
        events.runStarted,
        events.runEvaluated,
        events.modelRegistered,
        events.runCompleted,
      ])
        expect(await countOf(event, (data: { runId: string }) => data.runId === runId), event.type).toBe(1);
    }
    const history = await world.client.aliasHistory('penguins');
    expect(history.map(({ revision }) => revision)).toEqual(history.map((_, k) => k + 1));
  });

  it('a run that comes after all that is served as any other', async () => {
    const { version } = await world.serve({ ...penguins, name: 'afterwards' });
    expect(version.version).toBe(1);
  });

  it('a folder that is removed under a running service makes it start again and rebuild', async () => {
    await settled(world);
    const before = await documentsOf(world, 'ingest');
    const told = rebuildNotes(world, 'ingest').length;
    rmSync(databaseFolder(world, 'ingest'), { recursive: true });
    await eventually(() => rebuildNotes(world, 'ingest').length > told || undefined, 'the rebuild');
    await world.system.waitReady('ingest', 30_000);
    expect(await documentsOf(world, 'ingest')).toEqual(before);
  });
});
