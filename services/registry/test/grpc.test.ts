import { callUnary, createGrpcClient, createGrpcServer } from '@rookery/service-kit';
import type { GrpcServer } from '@rookery/service-kit';
import { events } from '@rookery/contracts';
import {
  RegistryServiceClient,
  RegistryServiceService,
  RunState,
} from '@rookery/proto/rookery/registry/v1/registry';
import type { Run } from '@rookery/proto/rookery/registry/v1/registry';
import { createLogger } from '@rookery/telemetry';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { createGrpcService } from '../src/adapters/grpc-service.js';
import { runEvents } from './fixtures.js';
import { startWorld } from './world.js';
import type { World } from './world.js';

let world: World;
let server: GrpcServer;
let client: RegistryServiceClient;
const stopping = new AbortController();

beforeAll(async () => {
  world = await startWorld();
  server = createGrpcServer({ logger: createLogger({ name: 'registry', level: 'fatal' }) });
  server.addService(RegistryServiceService, createGrpcService(world.registry, stopping.signal));
  client = createGrpcClient(RegistryServiceClient, `127.0.0.1:${await server.listen(0)}`);
});
afterAll(async () => {
  client.close();
  await server.stop(1_000);
  await world.stop();
});

async function watched(runId: string): Promise<Run[]> {
  const seen: Run[] = [];
  for await (const { run } of client.watchRun({ runId }) as AsyncIterable<{ run: Run }>) seen.push(run);
  return seen;
}

describe('the API of the registry', () => {
  it('watches a run from before its first event to its first swap', async () => {
    const run = runEvents({ model: 'watched', package: world.package });
    const watching = watched(run.runId);
    await world.publish(run);
    await world.ended(run.runId);
    const swap = {
      model: 'watched',
      version: 1,
      previousVersion: 0,
      aliasRevision: 1,
      replica: 'r',
      runId: run.runId,
      loadMs: 1,
      warmupMs: 1,
      publishedToServingMs: 1234,
      engine: 'compiled',
      backend: 'cpu',
    };
    await world.others.publish(events.inferenceSwapped, 'watched', swap, { id: `w-${run.runId}` });
    const seen = await watching;
    const states = seen.map((item) => item.state);
    expect(states).toEqual([...states].sort((a, b) => a - b));
    expect(seen.at(-1)).toMatchObject({
      state: RunState.RUN_STATE_PROMOTED,
      version: 1,
      publishedToServingMs: 1234,
    });
    expect(await watched(run.runId)).toHaveLength(1);
    const rejected = await world.finish({ model: 'watched', accuracy: 0.2 });
    expect((await watched(rejected.runId)).map((item) => item.state)).toEqual([RunState.RUN_STATE_REJECTED]);
  });

  it('shows runs, models, versions and aliases alike in every listing', async () => {
    const first = await world.finish({ model: 'shown', accuracy: 0.9 });
    const second = await world.finish({ model: 'shown', accuracy: 0.8 });
    const { run } = await callUnary(client, 'getRun', { runId: first.runId });
    expect(run).toMatchObject({
      version: 1,
      state: RunState.RUN_STATE_PROMOTED,
      metrics: { accuracy: { mean: 0.9 } },
    });
    expect(run?.jobs[0]?.history).toMatchObject({
      loss: [1, 0.5],
      valLoss: [1.2, 0.7],
      bestEpoch: 2,
      epochs: [],
    });
    const listed = await callUnary(client, 'listRuns', {
      model: 'shown',
      state: RunState.RUN_STATE_REJECTED,
      limit: 0,
      offset: 0,
    });
    expect(listed).toMatchObject({
      total: 1,
      runs: [{ runId: second.runId, version: 2, code: 'RK_CHAMPION_BETTER' }],
    });
    const { models } = await callUnary(client, 'listModels', { limit: 0, offset: 0 });
    expect(models.find((model) => model.name === 'shown')).toMatchObject({
      latestVersion: 2,
      versions: 2,
      aliases: [{ alias: 'champion', version: 1, revision: 1 }],
    });
    const { versions } = await callUnary(client, 'getModel', {
      name: 'shown',
      versionsLimit: 0,
      versionsOffset: 0,
    });
    expect(versions.map((version) => [version.version, version.aliases])).toEqual([
      [2, []],
      [1, ['champion']],
    ]);
    const byAlias = await callUnary(client, 'getModelVersion', {
      model: 'shown',
      selector: { $case: 'alias', value: 'champion' },
    });
    const byNumber = await callUnary(client, 'getModelVersion', {
      model: 'shown',
      selector: { $case: 'version', value: 1 },
    });
    expect(byAlias).toEqual(byNumber);
    expect(byAlias.version).toMatchObject({
      aliases: ['champion'],
      inputExample: { values: { 'body.mass': {} } },
    });
  });

  it('moves, rolls back and tells the history of an alias', async () => {
    await world.finish({ model: 'moved', accuracy: 0.9 });
    await world.finish({ model: 'moved', accuracy: 0.95 });
    const move = {
      model: 'moved',
      alias: 'champion',
      version: 1,
      expectedRevision: 2,
      actor: 'ada',
      reason: 'why not',
    };
    expect((await callUnary(client, 'setAlias', move)).alias).toEqual({
      alias: 'champion',
      version: 1,
      revision: 3,
    });
    await expect(callUnary(client, 'setAlias', move)).rejects.toMatchObject({
      code: 'RK_ALIAS_CONFLICT',
      details: { actualRevision: '3' },
    });
    const back = await callUnary(client, 'rollBack', { model: 'moved', toVersion: 0, actor: '', reason: '' });
    expect(back).toEqual({ alias: { alias: 'champion', version: 2, revision: 4 }, previousVersion: 1 });
    const all = { model: 'moved', alias: '', limit: 0, offset: 0 };
    const { changes } = await callUnary(client, 'listAliasHistory', all);
    expect(changes.map((change) => [change.revision, change.version, change.actor])).toEqual([
      [1, 1, 'gate'],
      [2, 2, 'gate'],
      [3, 1, 'ada'],
      [4, 2, 'user'],
    ]);
    // Page by page: the newest moves first, in each page by ascending revision.
    const page = async (limit: number, offset: number): Promise<number[]> => {
      const answer = await callUnary(client, 'listAliasHistory', { ...all, limit, offset });
      expect(answer.total).toBe(4);
      return answer.changes.map(({ revision }) => revision);
    };
    expect(await page(3, 0)).toEqual([2, 3, 4]);
    expect(await page(3, 3)).toEqual([1]);
    expect(await page(3, 4)).toEqual([]);
    const versions = async (versionsLimit: number, versionsOffset: number): Promise<number[]> => {
      const answer = await callUnary(client, 'getModel', { name: 'moved', versionsLimit, versionsOffset });
      expect(answer.model?.versions).toBe(2);
      return answer.versions.map(({ version }) => version);
    };
    expect(await versions(1, 0)).toEqual([2]);
    expect(await versions(1, 1)).toEqual([1]);
    expect(await versions(5, 2)).toEqual([]);
  });

  it('says what was not found, and what there is', async () => {
    await world.finish({ model: 'known' });
    const cases: [() => Promise<unknown>, string, RegExp][] = [
      [() => callUnary(client, 'getRun', { runId: 'run-0' }), 'RK_RUN_NOT_FOUND', /run-0/],
      [
        () => callUnary(client, 'getModel', { name: 'nobody', versionsLimit: 0, versionsOffset: 0 }),
        'RK_MODEL_NOT_FOUND',
        /nobody/,
      ],
      [
        () => callUnary(client, 'getModel', { name: '', versionsLimit: 0, versionsOffset: 0 }),
        'RK_MODEL_NOT_FOUND',
        /""/,
      ],
      [
        () =>
          callUnary(client, 'getModelVersion', { model: 'known', selector: { $case: 'version', value: 9 } }),
        'RK_VERSION_NOT_FOUND',
        /version 1/,
      ],
      [
        () =>
          callUnary(client, 'getModelVersion', { model: 'known', selector: { $case: 'alias', value: 'x' } }),
        'RK_ALIAS_NOT_FOUND',
        /champion/,
      ],
      [
        () => callUnary(client, 'getModelVersion', { model: 'known', selector: undefined }),
        'RK_REQUEST_INVALID',
        /version or alias/,
      ],
      [
        () =>
          callUnary(client, 'setAlias', {
            model: 'known',
            alias: 'latest',
            version: 1,
            expectedRevision: 0,
            actor: '',
            reason: '',
          }),
        'RK_ALIAS_INVALID',
        /reserved/,
      ],
      [
        () => callUnary(client, 'rollBack', { model: 'known', toVersion: 0, actor: '', reason: '' }),
        'RK_ROLLBACK_NONE',
        /before version 1/,
      ],
      [
        () => callUnary(client, 'rollBack', { model: 'known', toVersion: 7, actor: '', reason: '' }),
        'RK_VERSION_NOT_FOUND',
        /7/,
      ],
    ];
    for (const [failing, code, words] of cases) {
      await expect(failing()).rejects.toMatchObject({
        code,
        message: expect.stringMatching(words) as string,
      });
    }
    await expect(watched('run-0')).rejects.toMatchObject({
      details: expect.stringContaining('run-0') as string,
    });
  });

  it('ends the watches when the service stops', async () => {
    const run = runEvents({ model: 'endless' });
    await world.others.publish(events.runStarted, run.runId, run.started, { id: `s-${run.runId}` });
    const watching = watched(run.runId);
    await expect
      .poll(
        async () =>
          (await callUnary(client, 'listRuns', { model: 'endless', state: 0, limit: 0, offset: 0 })).total,
      )
      .toBe(1);
    stopping.abort();
    await expect(watching).rejects.toMatchObject({ details: expect.stringContaining('watch run') as string });
  });
});
