import { existsSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { connectBus } from '@rookery/bus';
import type { Bus, BusEvent } from '@rookery/bus';
import type { PublishedRun } from '@rookery/client';
import { events, jobKeyOf, trialRunIdOf } from '@rookery/contracts';
import type { EventType } from '@rookery/contracts';
import type { RunStarted } from '@rookery/proto/rookery/events/v1/run';
import { RunState } from '@rookery/proto/rookery/registry/v1/registry';
import type { Run } from '@rookery/proto/rookery/registry/v1/registry';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { startTrainer } from './support/extra-trainer.js';
import type { ExtraTrainer } from './support/extra-trainer.js';
import { exampleUri, pathServices, startTestSystem } from './support/test-system.js';
import type { TestSystem } from './support/test-system.js';
import { eventually, within } from './support/waiting.js';

// Trainers are started by the tests: what happens to a run depends on when there is one, and on how it ends.
const artifacts = mkdtempSync(join(tmpdir(), 'rookery-runs-'));
const env = {
  ROOKERY_ARTIFACTS_URL: pathToFileURL(artifacts).href,
  ROOKERY_JOB_ACK_WAIT_MS: '2000',
  ROOKERY_RUN_STALL_MS: '5000',
};
let world: TestSystem;
let bus: Bus;
const trainers: ExtraTrainer[] = [];

beforeAll(async () => {
  world = await startTestSystem({ env, services: pathServices.filter((name) => name !== 'trainer') });
  bus = await connectBus({ url: world.system.natsUrl, name: 'test' });
});
afterEach(async () => {
  await Promise.all(trainers.splice(0).map((trainer) => trainer.stop()));
});
afterAll(async () => {
  await bus?.close();
  await world?.stop();
  rmSync(artifacts, { recursive: true, force: true });
});

async function trainer(): Promise<ExtraTrainer> {
  const started = await startTrainer(world, env);
  trainers.push(started);
  return started;
}

/** Publishes the penguins under a name of their own and waits for the plan; nobody trains yet. */
async function planned(
  name: string,
  more: { epochs?: number; folds?: number } = {},
): Promise<PublishedRun & { plan: RunStarted }> {
  const gate = { metric: '', threshold: 0, allowWorseThanChampion: true };
  const request = { name, uri: exampleUri('penguins.csv'), target: 'species', epochs: 5, gate, ...more };
  const published = await world.client.publish(request);
  const { runId } = published;
  const { data } = await world.tap.wait(events.runStarted, (run) => run.runId === runId, 'the plan');
  return { ...published, plan: data };
}

/** Events of a run that the log holds. */
async function logged<T>(event: EventType<T>, runId: string): Promise<BusEvent<T>[]> {
  const found: BusEvent<T>[] = [];
  const replay = await bus.replay(event, { key: runId, onEvent: (item) => void found.push(item) });
  await replay.done;
  return found;
}

/** Resolves when the broker holds nothing more for a consumer. */
async function drained(stream: string, durable: string, ms = 30_000): Promise<void> {
  await eventually(
    async () => {
      const info = await bus.jsm.consumers.info(stream, durable);
      return info.num_pending === 0 && info.num_ack_pending === 0 ? true : undefined;
    },
    `${durable} has handled everything`,
    ms,
  );
}

/** Resolves when the trainers report an epoch of the run. */
async function firstProgress(runId: string): Promise<{ fold: number; epoch: number }> {
  let stop = (): Promise<void> => Promise.resolve();
  const progress = new Promise<{ fold: number; epoch: number }>((resolve) => {
    stop = bus.subscribeProgress(runId, resolve);
  });
  try {
    return await within(progress, `progress of ${runId}`, 60_000);
  } finally {
    await stop();
  }
}

function reached(runId: string, state: RunState): Promise<Run> {
  return eventually(
    async () => {
      const run = await world.client.run(runId);
      return run.state === state ? run : undefined;
    },
    `${runId} is in state ${state}`,
    60_000,
  );
}

function artifactFile(sha256: string): string {
  return join(artifacts, sha256.slice(0, 2), sha256);
}

function storedArtifacts(): Set<string> {
  const folders = readdirSync(artifacts).filter((name) => name.length === 2);
  return new Set(folders.flatMap((name) => readdirSync(join(artifacts, name))));
}

const turn = { actor: 'test', reason: 'to see what happens' };

describe('a run of which one fold fails', () => {
  it('names the fold, and resumed trains that fold alone, is joined and promoted; late events of before count once', async () => {
    const { runId, plan } = await planned('resumed');
    const bundle = artifactFile(plan.bundles[2]?.sha256 ?? '');
    renameSync(bundle, `${bundle}.away`);
    await trainer();
    const { data: failed } = await world.tap.wait(
      events.runFailed,
      (run) => run.runId === runId,
      'the failure',
    );
    expect(failed).toMatchObject({ step: 'fold 2', code: 'RK_ARTIFACT_NOT_FOUND', runAttempt: 1 });
    const lost = await reached(runId, RunState.RUN_STATE_FAILED);
    expect(lost.message).toMatch(/^fold 2: /);
    const letters = await world.client.deadLetters();
    const { letters: given } = await letters.list({ consumer: 'trainer' });
    const letter = given.find((item) => item.letter.subject.endsWith(`${runId}-f2`));
    expect(letter?.letter).toMatchObject({ code: 'RK_ARTIFACT_NOT_FOUND', attempts: 1 });
    expect(letter?.letter.traceId).toBe(lost.traceId);
    await drained('ML_JOBS', 'trainer');
    await drained('ML_EVENTS', 'evaluator');
    const before = await logged(events.foldTrained, runId);
    expect(before.map(({ data }) => data.fold).sort()).toEqual([0, 1, 3, 4, 5]);
    expect(await logged(events.runEvaluated, runId)).toEqual([]);
    const stored = storedArtifacts();

    renameSync(`${bundle}.away`, bundle);
    const watch = await world.client.followRun(runId);
    const resumed = await world.client.runControl.resume({ runId, ...turn });
    expect(resumed).toMatchObject({ state: RunState.RUN_STATE_TRAINING, attempt: 2 });
    const outcome = await within(watch.outcome, 'the end of the resumed run', 60_000);
    await watch.stop();
    expect(outcome.state).toBe('serving');

    const trained = await logged(events.foldTrained, runId);
    expect(trained.slice(before.length).map(({ data }) => [data.fold, data.runAttempt])).toEqual([[2, 2]]);
    const [evaluated] = await logged(events.runEvaluated, runId);
    const sha = (fold: number): string =>
      trained.find(({ data }) => data.fold === fold)?.data.trained?.sha256 ?? '';
    expect(evaluated?.data.trainedSha256).toEqual([0, 1, 2, 3, 4, 5].map(sha));
    // New are the network of the fold, its held-out outputs, the package and the reference: of no other job anything.
    const fresh = [...storedArtifacts()].filter((name) => !stored.has(name) && artifactFile(name) !== bundle);
    expect(fresh).toContain(sha(2));
    expect(fresh).toHaveLength(4);
    const run = await reached(runId, RunState.RUN_STATE_PROMOTED);
    expect(run.changes.map(({ kind, attempt, actor }) => [kind, attempt, actor])).toEqual([
      ['failed', 1, ''],
      ['resumed', 2, 'test'],
    ]);
    expect(run.changes[0]).toMatchObject({ code: 'RK_ARTIFACT_NOT_FOUND' });

    // The letter of the first attempt, sent again now, is late: it is trained once more, and changes nothing.
    await letters.redrive(letter?.id ?? 0);
    await drained('ML_JOBS', 'trainer');
    await drained('ML_EVENTS', 'evaluator');
    await drained('ML_EVENTS', 'registry-fold-trained');
    expect(await logged(events.runEvaluated, runId)).toHaveLength(1);
    expect(await logged(events.runCompleted, runId)).toHaveLength(1);
    expect((await world.client.model('resumed')).versions).toHaveLength(1);
    await expect(world.client.runControl.resume({ runId, ...turn })).rejects.toMatchObject({
      code: 'RK_RUN_ENDED',
    });
  }, 180_000);

  it('whose data set can not be planned goes on with its plan when it can', async () => {
    // The Arrow artifact goes away between ingest and transform: as if a store had lost it.
    const transform = world.system.processes.get('transform');
    transform?.kill('SIGSTOP');
    const published = await world.client.publish({
      name: 'unplanned',
      uri: exampleUri('penguins.csv'),
      target: 'species',
      // Another content than that of the other tests, so that its artifact is its own.
      missingTokens: ['', '.', 'NA', 'MALE'],
      epochs: 3,
      gate: { metric: '', threshold: 0, allowWorseThanChampion: true },
    });
    const { runId } = published;
    const { data } = await world.tap.wait(
      events.datasetIngested,
      ({ name }) => name === 'unplanned',
      'ingested',
    );
    const dataset = artifactFile(data.artifact?.sha256 ?? '');
    renameSync(dataset, `${dataset}.away`);
    transform?.kill('SIGCONT');
    const failed = await reached(runId, RunState.RUN_STATE_FAILED);
    expect(failed.message).toMatch(/^transform: /);
    renameSync(`${dataset}.away`, dataset);
    await trainer();
    const watch = await world.client.followRun(runId);
    await world.client.runControl.resume({ runId, ...turn });
    expect((await within(watch.outcome, 'the end of the run', 60_000)).state).toBe('serving');
    await watch.stop();
    await published.stop();
    expect((await logged(events.foldTrained, runId)).map(({ data: job }) => job.runAttempt)).toEqual(
      Array(6).fill(2),
    );
  }, 180_000);
});

describe('a run that is cancelled', () => {
  it('while it trains stops at once, and the next run trains right after', async () => {
    await trainer();
    const { runId, outcome, stop } = await planned('endless', { epochs: 100_000 });
    await firstProgress(runId);
    const cancelled = await world.client.runControl.cancel({ runId, ...turn });
    expect(cancelled).toMatchObject({ state: RunState.RUN_STATE_CANCELLED, code: 'RK_RUN_CANCELLED' });
    // Its five other jobs were waiting: they are done without being trained.
    await drained('ML_JOBS', 'trainer', 10_000);
    expect((await within(outcome, 'the end', 10_000)).state).toBe('cancelled');
    await stop();
    let epochs = 0;
    const listening = bus.subscribeProgress(runId, () => void (epochs += 1));
    const { end, runId: next } = await world.run({
      name: 'after_the_cancelled',
      uri: exampleUri('penguins.csv'),
      target: 'species',
      epochs: 3,
      gate: { metric: '', threshold: 0, allowWorseThanChampion: true },
    });
    expect(end.state).toBe('serving');
    await listening();
    expect(epochs).toBe(0);
    expect(await logged(events.foldTrained, runId)).toEqual([]);
    expect((await world.client.run(next)).jobs.every(({ state }) => state !== 'queued')).toBe(true);
    const { letters } = await (await world.client.deadLetters()).list();
    expect(letters.filter(({ letter }) => letter.subject.includes(runId))).toEqual([]);
    // Asked for twice it is one; and it does not go on.
    expect((await world.client.runControl.cancel({ runId, ...turn })).changes).toHaveLength(1);
    expect(await logged(events.runCancelled, runId)).toHaveLength(1);
    await expect(world.client.runControl.resume({ runId, ...turn })).rejects.toMatchObject({
      code: 'RK_RUN_ENDED',
    });
  }, 180_000);

  it('before there is a trainer is known to the one that starts late: it trains nothing of it', async () => {
    const { runId } = await planned('never_trained');
    await world.client.runControl.cancel({ runId, ...turn });
    await trainer();
    await drained('ML_JOBS', 'trainer');
    expect(await logged(events.foldTrained, runId)).toEqual([]);
    expect((await world.client.run(runId)).state).toBe(RunState.RUN_STATE_CANCELLED);
    await expect(world.client.model('never_trained')).rejects.toMatchObject({ code: 'RK_MODEL_NOT_FOUND' });
  }, 120_000);
});

describe('a trainer that is lost while it trains', () => {
  it.each(['SIGKILL', 'SIGSTOP'] as const)(
    '(%s) has its job done by another one, and the run ends as if nothing had been',
    async (signal) => {
      const first = await trainer();
      const { runId, outcome, stop } = await planned(`lost_${signal}`, { epochs: 2_500, folds: 2 });
      const { fold } = await firstProgress(runId);
      first.signal(signal);
      const second = await trainer();
      const end = await within(outcome, 'the end of the run', 120_000);
      await stop();
      expect(end.state).toBe('serving');
      const run = await world.client.run(runId);
      const workerOf = (of: number): string | undefined => run.jobs[of]?.environment?.worker.split('/')[1];
      expect(workerOf(fold)).toBe(String(second.pid));
      if (signal === 'SIGSTOP') first.signal('SIGCONT');
      await drained('ML_JOBS', 'trainer', 60_000);
      expect(await logged(events.runEvaluated, runId)).toHaveLength(1);
      expect(await logged(events.runCompleted, runId)).toHaveLength(1);
    },
    240_000,
  );
});

describe('a trainer that is told to use the wasm backend', () => {
  it('becomes ready, trains with it, and says so with every fold', async () => {
    trainers.push(await startTrainer(world, { ...env, ROOKERY_TF_BACKEND: 'wasm', ROOKERY_ENGINE: 'tfjs' }));
    const { runId, outcome, stop } = await planned('by_wasm', { epochs: 2, folds: 2 });
    expect((await within(outcome, 'the end of the run', 100_000)).state).toBe('serving');
    await stop();
    const { jobs } = await world.client.run(runId);
    expect(jobs.map(({ environment }) => [environment?.engine, environment?.backend])).toEqual(
      Array(3).fill(['tfjs', 'wasm']),
    );
  }, 180_000);
});

describe('a run whose job is lost', () => {
  it('does not hang: it fails naming the fold, and resumed does that fold alone', async () => {
    const { runId } = await planned('forgotten');
    const subject = events.foldJob.subject(jobKeyOf(runId, 1, false));
    // The plan is told of before its jobs are stored.
    const job = await eventually(
      async () => (await bus.jsm.streams.getMessage('ML_JOBS', { last_by_subj: subject })) ?? undefined,
      'the job of fold 1',
    );
    await bus.jsm.streams.deleteMessage('ML_JOBS', job.seq);
    await trainer();
    const { data } = await world.tap.wait(events.runFailed, (run) => run.runId === runId, 'the failure');
    expect(data).toMatchObject({ code: 'RK_RUN_STALLED', step: 'fold 1' });
    expect(data.message).toContain(`rookery runs resume ${runId}`);
    const watch = await world.client.followRun(runId);
    await world.client.runControl.resume({ runId, ...turn });
    expect((await within(watch.outcome, 'the end of the run', 60_000)).state).toBe('serving');
    await watch.stop();
    const attempts = (await logged(events.foldTrained, runId)).map(({ data: job }) => [
      job.fold,
      job.runAttempt,
    ]);
    expect(attempts.filter(([, attempt]) => attempt === 2)).toEqual([[1, 2]]);
    expect(attempts).toHaveLength(6);
  }, 120_000);
});

describe('a run that searches and whose job is lost', () => {
  it('fails naming the last trial, and resumed it goes on with that trial, not with those that have ended', async () => {
    const { runId, stop } = await world.client.publish({
      name: 'lost_trial',
      uri: exampleUri('penguins.csv'),
      target: 'species',
      epochs: 3,
      folds: 2,
      gate: { metric: '', threshold: 0, allowWorseThanChampion: true },
      search: { trials: 2, parallel: 1, space: { learningRate: [0.01, 0.05] } },
    });
    await stop();
    const trialIds = [0, 1].map((number) => trialRunIdOf(runId, number, 0)) as [string, string];
    // There is no trainer while the first trial waits; its second job is lost.
    const subject = events.foldJob.subject(jobKeyOf(trialIds[0], 1, false));
    const job = await eventually(
      async () => (await bus.jsm.streams.getMessage('ML_JOBS', { last_by_subj: subject })) ?? undefined,
      'the job of the first trial',
    );
    await bus.jsm.streams.deleteMessage('ML_JOBS', job.seq);
    await trainer();
    const { data } = await world.tap.wait(events.runFailed, (run) => run.runId === runId, 'the failure');
    expect(data.code).toBe('RK_RUN_STALLED');
    expect(data.message).toContain(`search ${runId}: trial 0 (rung 0) was started`);
    const watch = await world.client.followRun(runId);
    await world.client.runControl.resume({ runId, ...turn });
    expect((await within(watch.outcome, 'the end of the run', 60_000)).state).toBe('serving');
    await watch.stop();
    const { attempts, result } = await world.client.search(runId);
    expect(attempts.map(({ score }) => typeof score)).toEqual(['number', 'number']);
    expect(result).toMatchObject({ trials: 2, attempts: 2, failed: 0 });
    const attemptsOf = async (trialId: string): Promise<number[]> =>
      (await logged(events.foldTrained, trialId)).map(({ data: fold }) => fold.runAttempt);
    expect(new Set(await attemptsOf(trialIds[0]))).toEqual(new Set([1, 2]));
    expect(await attemptsOf(trialIds[1])).toEqual([1, 1]);
    expect(await logged(events.trialEvaluated, runId)).toHaveLength(2);
  }, 120_000);
});

describe('a run that is reproduced', () => {
  it('has the same weights to the bit in every job, and the champion stays', async () => {
    await trainer();
    const { runId, outcome, stop } = await planned('again', { epochs: 20 });
    await within(outcome, 'the run', 60_000);
    await stop();
    const before = await world.client.model('again');
    const watch = await world.client.runControl.follow(runId);
    const begun = await world.client.runControl.reproduce({ runId, actor: 'test' });
    const ended = await within(watch.ended(begun.reproductionId), 'the reproduction', 60_000);
    await watch.stop();
    expect(ended.state).toBe('equal');
    expect(ended.jobs.map(({ fold, final, equal }) => [fold, final, equal])).toEqual(
      [0, 1, 2, 3, 4, 5].map((fold) => [fold, fold === 5, true]),
    );
    for (const job of ended.jobs) expect(job.reproducedSha256).toMatch(/^[0-9a-f]{64}$/);
    expect(ended.differences).toEqual([]);
    expect(await world.client.model('again')).toEqual(before);
    // The log tells of it, and of nothing new about the run itself.
    const [told] = await logged(events.runReproduced, runId);
    expect(told?.data).toMatchObject({ reproductionId: begun.reproductionId, equal: true });
    expect(await logged(events.foldTrained, runId)).toHaveLength(6);
    expect(await logged(events.runEvaluated, runId)).toHaveLength(1);
    expect((await world.client.runControl.reproductions(runId)).map(({ state }) => state)).toEqual(['equal']);
  }, 120_000);

  it('whose recorded model and plan can not be read says so, job by job, and does not touch the run', async () => {
    await trainer();
    const { runId, outcome, stop } = await planned('damaged', { epochs: 7 });
    await within(outcome, 'the run', 60_000);
    await stop();
    const run = await world.client.run(runId);
    const bundle = artifactFile(run.plan?.bundles[1]?.sha256 ?? '');
    expect(existsSync(bundle)).toBe(true);
    await Promise.all(trainers.splice(0).map((old) => old.stop()));
    rmSync(bundle);
    await trainer();
    const watch = await world.client.runControl.follow(runId);
    const { reproductionId } = await world.client.runControl.reproduce({ runId, actor: 'test' });
    const ended = await within(watch.ended(reproductionId), 'the reproduction', 60_000);
    await watch.stop();
    expect(ended.state).toBe('incomplete');
    expect(ended.jobs.map(({ equal }) => equal)).toEqual([true, false, true, true, true, true]);
    expect(ended.jobs[1]).toMatchObject({ code: 'RK_ARTIFACT_NOT_FOUND' });
    expect((await world.client.run(runId)).state).toBe(RunState.RUN_STATE_PROMOTED);
  }, 120_000);
});
