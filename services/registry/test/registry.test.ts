import { derivedEventId, events } from '@rookery/contracts';
import { RejectionStage } from '@rookery/proto/rookery/events/v1/model';
import type { ModelPromoted } from '@rookery/proto/rookery/events/v1/model';
import { RunOutcome } from '@rookery/proto/rookery/events/v1/run';
import { RunState } from '@rookery/proto/rookery/registry/v1/registry';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { rollBack, setAlias } from '../src/application/move-alias.js';
import { historyOf, requireModel, requireVersion, versionsOf } from '../src/application/read-models.js';
import { findRun, getRun, listRuns } from '../src/application/read-runs.js';
import { versionView } from '../src/domain/model-view.js';
import { runEvents } from './fixtures.js';
import { startWorld, traceIdOfRun } from './world.js';
import type { World } from './world.js';

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(async () => {
  await world.stop();
});

const promotionsOf = async (model: string): Promise<ModelPromoted[]> =>
  (await world.all(events.modelPromoted)).map((event) => event.data).filter((data) => data.model === model);

const history = async (model: string): Promise<number[][]> => {
  const { registry } = world;
  const changes = await historyOf(registry, await requireModel(registry, model), 'champion');
  return changes.map((change) => [change.revision, change.version, change.previousVersion]);
};

describe('a run that passes the gate', () => {
  it('becomes version 1 with its lineage, and champion; the events follow from it', async () => {
    const run = runEvents({ model: 'first', package: world.package });
    await world.publish(run);
    const ended = await world.ended(run.runId);
    expect(ended).toMatchObject({ state: RunState.RUN_STATE_PROMOTED, version: 1, backend: 'cpu', code: '' });
    expect(ended.jobs.map((job) => job.state)).toEqual(['evaluated', 'evaluated', 'evaluated', 'trained']);

    const model = await requireModel(world.registry, 'first');
    const version = versionView(await requireVersion(world.registry, model, 1), model);
    expect(version).toMatchObject({ runId: run.runId, aliases: ['champion'], package: world.package });
    expect(version.inputExample?.values['body.mass']?.kind).toEqual({ $case: 'number', value: 3750 });
    expect(version.signature?.classes).toEqual(['a', 'b', 'c']);
    expect(version.folds).toHaveLength(3);
    expect(version.lineage).toMatchObject({
      runId: run.runId,
      requestEventId: run.ingested.requestEventId,
      datasetSha256: 'd'.repeat(64),
      sourceUri: 'file:///data/penguins.csv',
      seed: 42,
      folds: 3,
      modelSpec: { layers: [{ units: 10, activation: 'relu' }] },
      environment: { backend: 'cpu', codeVersion: 'abc123' },
      request: { tags: { '': 'odd', 'a.b': '$c' } },
    });

    const [announced] = (await world.all(events.modelPromoted)).filter((event) => event.key === 'first');
    expect(announced?.traceparent).toContain(traceIdOfRun(run.runId));
    expect(ended.traceId).toBe(traceIdOfRun(run.runId));
    expect(announced?.data).toMatchObject({
      version: 1,
      previousVersion: 0,
      aliasRevision: 1,
      actor: 'gate',
      runId: run.runId,
      requestedAtMs: 1_700_000_000_000,
      package: world.package,
    });
    const completed = (await world.all(events.runCompleted)).filter((event) => event.key === run.runId);
    expect(completed.map((event) => event.data.outcome)).toEqual([RunOutcome.RUN_OUTCOME_PROMOTED]);
    expect(completed[0]?.correlationId).toBe(run.runId);
  });

  it('is registered once though its evaluation is delivered again, under its id or another', async () => {
    const run = runEvents({ model: 'twice', package: world.package });
    await world.publish(run);
    await world.ended(run.runId);
    await world.others.publish(events.runEvaluated, run.runId, run.evaluated, { id: `again-${run.runId}` });
    const other = await world.finish({ model: 'twice' });
    expect(other.version).toBe(2);
    expect(await history('twice')).toEqual([
      [1, 1, 0],
      [2, 2, 1],
    ]);
    expect(await promotionsOf('twice')).toHaveLength(2);
  });

  it('gets its lineage from the log where its evaluation is seen before its beginning', async () => {
    const run = runEvents({ model: 'reversed', package: world.package });
    const { runs } = world.registry.collections;
    await world.others.publish(events.datasetIngested, run.model, run.ingested, { id: `i-${run.runId}` });
    await world.others.publish(events.runStarted, run.runId, run.started, { id: `s-${run.runId}` });
    const both = { _id: run.runId, ingested: { $exists: true }, started: { $exists: true } };
    await expect.poll(() => runs.count(both)).toBe(1);
    // As if the consumers of these two had not come to them yet.
    await runs.deleteMany({ _id: run.runId });
    await world.others.publish(events.runEvaluated, run.runId, run.evaluated, { id: `r-${run.runId}` });
    expect((await world.ended(run.runId)).state).toBe(RunState.RUN_STATE_PROMOTED);
    const model = await requireModel(world.registry, 'reversed');
    const lineage = versionView(await requireVersion(world.registry, model, 1), model).lineage;
    expect(lineage).toMatchObject({ sourceUri: 'file:///data/penguins.csv', seed: 42 });
  });

  it('ends all the same where the log has no beginning of it', async () => {
    const run = runEvents({ model: 'orphan', package: world.package });
    await world.others.publish(events.runEvaluated, run.runId, run.evaluated, { id: `r-${run.runId}` });
    expect((await world.ended(run.runId)).state).toBe(RunState.RUN_STATE_PROMOTED);
  });
});

describe('runs of one model that end at once', () => {
  it('get a version each and one history of the alias, without gap or fork', async () => {
    const runs = Array.from({ length: 12 }, () => runEvents({ model: 'crowd', package: world.package }));
    await Promise.all(runs.map((run) => world.publish(run)));
    const ended = await Promise.all(runs.map((run) => world.ended(run.runId)));
    expect(ended.map((run) => run.version).sort((a, b) => a - b)).toEqual(
      [...Array(12).keys()].map((k) => k + 1),
    );
    const changes = await history('crowd');
    expect(changes).toEqual(changes.map((_, k) => [k + 1, k + 1, k]));
    expect(changes).toHaveLength(12);
    expect((await promotionsOf('crowd')).map((data) => data.aliasRevision)).toEqual(
      changes.map((_, k) => k + 1),
    );
  });

  it('are each compared with the champion at that moment: the best one is champion in the end', async () => {
    const accuracies = [0.81, 0.93, 0.85, 0.97, 0.89, 0.91];
    const runs = accuracies.map((accuracy) => runEvents({ model: 'race', accuracy, package: world.package }));
    await Promise.all(runs.map((run) => world.publish(run)));
    await Promise.all(runs.map((run) => world.ended(run.runId)));
    const { registry } = world;
    const model = await requireModel(registry, 'race');
    const versions = await versionsOf(registry, model, { limit: 0, offset: 0 });
    const means = (await historyOf(registry, model, 'champion')).map(
      (change) =>
        versions.find((version) => version.version === change.version)?.metrics['accuracy']?.mean ?? 0,
    );
    expect(means).toEqual([...means].sort((a, b) => a - b));
    expect(means.at(-1)).toBe(0.97);
    expect(versions).toHaveLength(6);
  });
});

describe('a run that is not accepted', () => {
  it('is rejected with the reasons of the gate, without a version', async () => {
    const run = await world.finish({ model: 'poor', accuracy: 0.4 });
    expect(run).toMatchObject({ state: RunState.RUN_STATE_REJECTED, version: 0, code: 'RK_GATE_FAILED' });
    expect(run.reasons.join()).toMatch(/0\.4.*0\.7/);
    const rejected = (await world.all(events.modelRejected)).filter((event) => event.key === 'poor');
    expect(rejected.map((event) => [event.data.stage, event.data.version])).toEqual([
      [RejectionStage.REJECTION_STAGE_GATE, 0],
    ]);
    await expect(requireModel(world.registry, 'poor')).rejects.toMatchObject({ code: 'RK_MODEL_NOT_FOUND' });
  });

  it('is registered but not promoted where the champion is better, with both numbers in the reasons', async () => {
    await world.finish({ model: 'strong', accuracy: 0.95 });
    const run = await world.finish({ model: 'strong', accuracy: 0.85 });
    expect(run).toMatchObject({ state: RunState.RUN_STATE_REJECTED, version: 2, code: 'RK_CHAMPION_BETTER' });
    expect(run.reasons.join()).toMatch(/0\.85.*0\.95/);
    expect(await history('strong')).toEqual([[1, 1, 0]]);
    const rejected = (await world.all(events.modelRejected)).filter((event) => event.key === 'strong');
    expect(rejected.map((event) => [event.data.stage, event.data.version])).toEqual([
      [RejectionStage.REJECTION_STAGE_CHAMPION, 2],
    ]);
    const allowed = await world.finish({ model: 'strong', accuracy: 0.85, allowWorse: true });
    expect(allowed).toMatchObject({ state: RunState.RUN_STATE_PROMOTED, version: 3 });
  });

  it('is compared downwards where less is better', async () => {
    const gate = { model: 'regression', metric: 'rmse', threshold: 60 };
    await world.finish({ ...gate, metrics: { rmse: 55 } });
    expect((await world.finish({ ...gate, metrics: { rmse: 56 } })).state).toBe(RunState.RUN_STATE_REJECTED);
    expect((await world.finish({ ...gate, metrics: { rmse: 54 } })).state).toBe(RunState.RUN_STATE_PROMOTED);
  });
});

describe('a run that can not be finished', () => {
  const letterFor = (runId: string) => ({
    subject: events.foldJob.subject(`${runId}-f3`),
    stream: 'ML_JOBS',
    sequence: 7,
    consumer: 'trainer-jobs',
    payload: Buffer.from(JSON.stringify({ runId, fold: 3, model: 'broken' })),
    headers: {},
    code: 'RK_TRAIN_DIVERGED',
    message: 'the loss became infinite in epoch 4',
    stack: '',
    attempts: 5,
    traceId: '',
    correlationId: runId,
    eventId: 'x',
    service: 'trainer',
    timeMs: 0,
    details: {},
    hint: '',
  });

  it('is marked failed by a dead letter that names the fold, and announced once', async () => {
    const run = runEvents({ model: 'broken', package: world.package });
    await world.others.publish(events.runStarted, run.runId, run.started, { id: `s-${run.runId}` });
    for (const id of ['a', 'b'])
      await world.others.publish(events.deadLetter, 'trainer-jobs', letterFor(run.runId), {
        id: `${id}-${run.runId}`,
      });
    const ended = await world.ended(run.runId);
    expect(ended).toMatchObject({
      state: RunState.RUN_STATE_FAILED,
      code: 'RK_TRAIN_DIVERGED',
      model: 'broken',
    });
    expect(ended.message).toMatch(/fold 3.*infinite/);
    // A later end changes nothing: the run has one.
    await world.publish(run);
    await world.finish({ model: 'after-broken' });
    expect((await getRun(world.registry, run.runId)).state).toBe(RunState.RUN_STATE_FAILED);
    const failed = (await world.all(events.runFailed)).filter((event) => event.key === run.runId);
    expect(failed.map((event) => event.data)).toEqual([
      {
        runId: run.runId,
        model: 'broken',
        code: 'RK_TRAIN_DIVERGED',
        message: 'the loss became infinite in epoch 4',
        step: 'fold 3',
        attempts: 5,
        runAttempt: 1,
      },
    ]);
    await expect(requireModel(world.registry, 'broken')).rejects.toMatchObject({
      code: 'RK_MODEL_NOT_FOUND',
    });
  });

  it('stays promoted when a dead letter comes after its end', async () => {
    const run = await world.finish({ model: 'sound' });
    await world.others.publish(events.deadLetter, 'trainer-jobs', letterFor(run.runId), {
      id: `l-${run.runId}`,
    });
    const next = runEvents({ model: 'sound-next' });
    await world.others.publish(events.deadLetter, 'trainer-jobs', letterFor(next.runId), {
      id: `l-${next.runId}`,
    });
    expect((await world.ended(next.runId)).state).toBe(RunState.RUN_STATE_FAILED);
    expect((await getRun(world.registry, run.runId)).state).toBe(RunState.RUN_STATE_PROMOTED);
  });

  it('fails by its own dead letter where the package does not exist', async () => {
    const missing = { sha256: '0'.repeat(64), bytes: 1, mediaType: 'x' };
    const run = await world.finish({ model: 'no-package', package: missing });
    expect(run).toMatchObject({ state: RunState.RUN_STATE_FAILED, code: 'RK_ARTIFACT_NOT_FOUND' });
    expect(run.message).toMatch(/^registration: /);
  });
});

describe('an alias', () => {
  it('moves by compare-and-set; a conflict names the actual revision', async () => {
    const { registry } = world;
    await world.finish({ model: 'alias' });
    await world.finish({ model: 'alias' });
    const move = { model: 'alias', alias: 'champion', version: 1, actor: 'ada', reason: 'try the old one' };
    const moves = await Promise.allSettled(
      [1, 2, 3].map(() => setAlias(registry, { ...move, expectedRevision: 2 })),
    );
    expect(moves.filter((result) => result.status === 'fulfilled')).toHaveLength(1);
    await expect(setAlias(registry, { ...move, expectedRevision: 2 })).rejects.toMatchObject({
      code: 'RK_ALIAS_CONFLICT',
      details: { actualRevision: '3', expectedRevision: '2' },
    });
    const last = (await promotionsOf('alias')).at(-1);
    expect(last).toMatchObject({
      version: 1,
      previousVersion: 2,
      aliasRevision: 3,
      actor: 'ada',
      reasons: ['try the old one'],
      requestedAtMs: 0,
    });
  });

  it('other than champion is created at revision 0 and announces no promotion', async () => {
    const { registry } = world;
    await world.finish({ model: 'side' });
    const move = { model: 'side', alias: 'shadow', version: 1, actor: '', reason: '' };
    await expect(setAlias(registry, { ...move, expectedRevision: 1 })).rejects.toMatchObject({
      code: 'RK_ALIAS_CONFLICT',
    });
    expect(await setAlias(registry, { ...move, expectedRevision: 0 })).toMatchObject({
      revision: 1,
      version: 1,
    });
    await expect(setAlias(registry, { ...move, version: 9, expectedRevision: 1 })).rejects.toMatchObject({
      code: 'RK_VERSION_NOT_FOUND',
    });
    expect(await promotionsOf('side')).toHaveLength(1);
  });

  it('champion rolls back to the champion before, then refuses when there is none', async () => {
    const { registry } = world;
    for (const accuracy of [0.9, 0.92]) await world.finish({ model: 'back', accuracy });
    const request = { model: 'back', toVersion: 0, actor: 'ada', reason: 'it drifts' };
    expect(await rollBack(registry, request)).toMatchObject({
      alias: { version: 1, revision: 3 },
      previousVersion: 2,
    });
    await expect(rollBack(registry, request)).rejects.toMatchObject({ code: 'RK_ROLLBACK_NONE' });
    await expect(rollBack(registry, { ...request, toVersion: 1 })).rejects.toMatchObject({
      code: 'RK_ROLLBACK_NONE',
    });
    expect(await rollBack(registry, { ...request, toVersion: 2 })).toMatchObject({
      alias: { version: 2, revision: 4 },
    });
    const events_ = (await world.all(events.modelRolledBack)).filter((event) => event.key === 'back');
    expect(
      events_.map((event) => [event.data.version, event.data.previousVersion, event.data.aliasRevision]),
    ).toEqual([
      [1, 2, 3],
      [2, 1, 4],
    ]);
    expect(events_[0]?.data).toMatchObject({ actor: 'ada', reasons: ['it drifts'], package: world.package });
    expect(await history('back')).toEqual([
      [1, 1, 0],
      [2, 2, 1],
      [3, 1, 2],
      [4, 2, 1],
    ]);
  });
});

describe('what the replicas say', () => {
  it('the first swap of a run gives its time to serving; a refusal is noted on the version once', async () => {
    const run = await world.finish({ model: 'served' });
    const swap = {
      model: 'served',
      version: 1,
      previousVersion: 0,
      aliasRevision: 1,
      runId: run.runId,
      loadMs: 1,
      warmupMs: 1,
      engine: 'compiled',
      backend: 'cpu',
    };
    for (const [replica, publishedToServingMs] of [
      ['r1', 3100],
      ['r2', 2900],
    ] as const)
      await world.others.publish(
        events.inferenceSwapped,
        'served',
        { ...swap, replica, publishedToServingMs },
        { id: derivedEventId('swap', run.runId, replica) },
      );
    const refusal = {
      model: 'served',
      version: 1,
      runId: run.runId,
      stage: RejectionStage.REJECTION_STAGE_SERVING,
      code: 'RK_MODEL_WARMUP',
      reasons: ['other answers'],
      verdict: undefined,
      replica: 'r3',
    };
    for (const id of ['one', 'two'])
      await world.others.publish(events.modelRejected, 'served', refusal, { id: `${id}-${run.runId}` });
    await world.restart();
    await expect.poll(async () => (await getRun(world.registry, run.runId)).publishedToServingMs).toBe(2900);
    await expect
      .poll(async () => {
        const model = await requireModel(world.registry, 'served');
        return versionView(await requireVersion(world.registry, model, 1), model).refusals.map(
          (item) => item.replica,
        );
      })
      .toEqual(['r3', 'r3']);
  });
});

describe('a restart', () => {
  it('keeps everything and goes on with what came meanwhile', async () => {
    await world.finish({ model: 'kept', accuracy: 0.9 });
    await world.restart();
    expect(await history('kept')).toEqual([[1, 1, 0]]);
    expect(
      (await world.finish({ model: 'kept', accuracy: 0.95, requestedAtMs: 1_700_000_000_001 })).version,
    ).toBe(2);
    const { registry } = world;
    expect(await findRun(registry, 'run-none')).toBeNull();
    const listed = await listRuns(registry, { model: 'kept', state: 0, limit: 1, offset: 0 });
    expect(listed.total).toBe(2);
    expect(listed.runs).toHaveLength(1);
    expect(listed.runs[0]?.version).toBe(2);
  });
});
