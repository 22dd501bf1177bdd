import { derivedEventId, events, jobKeyOf, trialRunIdOf } from '@rookery/contracts';
import { DeadLetter } from '@rookery/proto/rookery/events/v1/monitoring';
import { FoldJob, FoldReproduced } from '@rookery/proto/rookery/events/v1/run';
import { SearchStarted, TrialEvaluated, TrialStarted } from '@rookery/proto/rookery/events/v1/search';
import { RunState } from '@rookery/proto/rookery/registry/v1/registry';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { cancelRun } from '../src/application/cancel-run.js';
import { requireModel, historyOf } from '../src/application/read-models.js';
import { getRun } from '../src/application/read-runs.js';
import { getReproduction, reproduceRun } from '../src/application/reproduce-run.js';
import { resumeRun } from '../src/application/resume-run.js';
import { createStallWatch } from '../src/application/stalled-runs.js';
import { runEvents } from './fixtures.js';
import type { RunEvents, RunSpec } from './fixtures.js';
import { startWorld } from './world.js';
import type { World } from './world.js';

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world.stop());

const turn = { actor: 'test', reason: 'because' };
let sent = 0;
const id = (): { id: string } => ({ id: `sent-${(sent += 1)}` });

function newRun(model: string, spec: RunSpec = {}): RunEvents {
  return runEvents({ model, package: world.package, ...spec });
}

/** Publishes the beginning of a run and some of its jobs; resolves when the registry knows of them. */
async function begin(run: RunEvents, folds: readonly number[] = []): Promise<void> {
  await world.others.publish(events.datasetIngested, run.model, run.ingested, id());
  await world.others.publish(events.runStarted, run.runId, run.started, id());
  for (const fold of folds) {
    const trained = run.trained[fold];
    if (trained) await world.others.publish(events.foldTrained, run.runId, trained, id());
  }
  const known = { _id: run.runId, started: { $exists: true }, ingested: { $exists: true } };
  const jobs = folds.map((fold) => ({
    [`jobs.${fold === 3 ? 'final' : `f${fold}`}.trained`]: { $exists: true },
  }));
  const filter = jobs.length === 0 ? known : { ...known, $and: jobs };
  await expect.poll(() => world.registry.collections.runs.count(filter)).toBe(1);
}

async function deadLetter(run: RunEvents, fold: number, runAttempt: number): Promise<void> {
  const letter = DeadLetter.fromPartial({
    subject: `ml.job.fold.${run.runId}-f${fold}`,
    payload: Buffer.from(JSON.stringify({ runId: run.runId, fold, runAttempt })),
    code: 'RK_TRAIN_DIVERGED',
    message: 'the loss is infinite',
    attempts: 1,
    service: 'trainer',
    consumer: 'trainer',
  });
  await world.others.publish(events.deadLetter, 'trainer', letter, id());
}

/** A later dead letter of another run has been handled: so have those before it. */
async function lettersHandled(): Promise<void> {
  const last = newRun('last');
  await deadLetter(last, 0, 1);
  await reached(last, RunState.RUN_STATE_FAILED);
}

async function reached(run: RunEvents, state: RunState): Promise<void> {
  await expect.poll(() => world.registry.collections.runs.count({ _id: run.runId, state })).toBe(1);
}

async function ofRun<T>(event: Parameters<World['all']>[0], run: RunEvents): Promise<T[]> {
  return (await world.all(event)).filter(({ key }) => key === run.runId).map(({ data }) => data as T);
}

describe('a failed run that is resumed', () => {
  it('begins another attempt with its history, and a failure of the attempt before does not end it', async () => {
    const run = newRun('resumed');
    await begin(run, [0, 2]);
    await deadLetter(run, 1, 1);
    await reached(run, RunState.RUN_STATE_FAILED);
    const resumed = await resumeRun(world.registry, { runId: run.runId, ...turn });
    expect(resumed).toMatchObject({ state: RunState.RUN_STATE_TRAINING, attempt: 2, code: '', endedAtMs: 0 });
    expect(resumed.jobs.map(({ state }) => state)).toEqual(['trained', 'queued', 'trained', 'queued']);
    expect(resumed.changes).toMatchObject([
      { kind: 'failed', attempt: 1, code: 'RK_TRAIN_DIVERGED', message: 'fold 1: the loss is infinite' },
      { kind: 'resumed', attempt: 2, actor: 'test', reason: 'because' },
    ]);
    expect(await ofRun(events.runResumed, run)).toMatchObject([
      {
        runAttempt: 2,
        datasetName: 'resumed',
        requestEventId: run.started.requestEventId,
        code: 'RK_TRAIN_DIVERGED',
      },
    ]);
    await deadLetter(run, 3, 1);
    await lettersHandled();
    expect((await getRun(world.registry, run.runId)).state).toBe(RunState.RUN_STATE_TRAINING);
    await deadLetter(run, 1, 2);
    await reached(run, RunState.RUN_STATE_FAILED);
    const failures = await ofRun<{ runAttempt: number }>(events.runFailed, run);
    expect(failures.map(({ runAttempt }) => runAttempt)).toEqual([1, 2]);
  });

  it('is promoted by the evaluation of its new attempt, and by a late one of the attempt before just as well', async () => {
    for (const runAttempt of [1, 2]) {
      const run = newRun(`promoted-${runAttempt}`);
      await begin(run, [0, 1, 2, 3]);
      await deadLetter(run, 0, 1);
      await reached(run, RunState.RUN_STATE_FAILED);
      await resumeRun(world.registry, { runId: run.runId, ...turn });
      for (const attempt of [runAttempt, 2]) {
        const evaluated = { ...run.evaluated, runAttempt: attempt };
        await world.others.publish(events.runEvaluated, run.runId, evaluated, id());
      }
      await reached(run, RunState.RUN_STATE_PROMOTED);
      await world.finish({ model: `after-${runAttempt}` });
      expect(await ofRun(events.runCompleted, run)).toMatchObject([{ version: 1, runAttempt: 2 }]);
      const model = await requireModel(world.registry, run.model);
      expect(await historyOf(world.registry, model, 'champion')).toHaveLength(1);
    }
  });

  it('forgets an evaluation that came too late for the attempt before', async () => {
    const run = newRun('too-late');
    await begin(run, [0]);
    await deadLetter(run, 1, 1);
    await reached(run, RunState.RUN_STATE_FAILED);
    await world.others.publish(events.runEvaluated, run.runId, run.evaluated, id());
    await world.finish({ model: 'after-too-late' });
    expect((await getRun(world.registry, run.runId)).state).toBe(RunState.RUN_STATE_FAILED);
    const resumed = await resumeRun(world.registry, { runId: run.runId, ...turn });
    expect(resumed).toMatchObject({ state: RunState.RUN_STATE_TRAINING, metrics: {}, verdict: undefined });
    await world.others.publish(events.runEvaluated, run.runId, { ...run.evaluated, runAttempt: 2 }, id());
    await reached(run, RunState.RUN_STATE_PROMOTED);
  });

  it('begins one attempt though two ask for it at once', async () => {
    const run = newRun('twice-resumed');
    await begin(run);
    await deadLetter(run, 0, 1);
    await reached(run, RunState.RUN_STATE_FAILED);
    const asked = await Promise.allSettled(
      Array.from({ length: 4 }, () => resumeRun(world.registry, { runId: run.runId, ...turn })),
    );
    expect(asked.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const answer of asked) {
      if (answer.status === 'rejected') expect(answer.reason).toMatchObject({ code: 'RK_RUN_UNDER_WAY' });
    }
    expect((await getRun(world.registry, run.runId)).attempt).toBe(2);
  });

  it('is refused with what it is instead, where there is nothing to resume', async () => {
    const open = newRun('open');
    await begin(open);
    const done = await world.finish({ model: 'done' });
    const gone = newRun('gone');
    await begin(gone);
    await cancelRun(world.registry, { runId: gone.runId, ...turn });
    const refusal = (runId: string): Promise<unknown> =>
      resumeRun(world.registry, { runId, ...turn }).then(
        () => 'resumed',
        ({ code, message }: { code: string; message: string }) => `${code}: ${message}`,
      );
    expect(await refusal(open.runId)).toContain('RK_RUN_UNDER_WAY');
    expect(await refusal(done.runId)).toMatch(/RK_RUN_ENDED: .* is complete \(promoted\)/);
    expect(await refusal(gone.runId)).toMatch(/RK_RUN_ENDED: .* cancelled by test: because/);
    expect(await refusal('run-0000000000000000')).toContain('RK_RUN_NOT_FOUND');
  });
});

describe('a run that is cancelled', () => {
  it('ends so once, whoever asks again and whatever comes later, and no version comes of it', async () => {
    const run = newRun('cancelled');
    await begin(run, [0]);
    const ended = await cancelRun(world.registry, { runId: run.runId, ...turn });
    expect(ended).toMatchObject({ state: RunState.RUN_STATE_CANCELLED, code: 'RK_RUN_CANCELLED' });
    expect(ended.message).toBe('cancelled by test: because');
    expect((await cancelRun(world.registry, { runId: run.runId, actor: 'other', reason: '' })).message).toBe(
      'cancelled by test: because',
    );
    await deadLetter(run, 1, 1);
    await world.publish(run);
    await lettersHandled();
    await world.finish({ model: 'after-cancelled' });
    expect((await getRun(world.registry, run.runId)).state).toBe(RunState.RUN_STATE_CANCELLED);
    expect(await ofRun(events.runCancelled, run)).toMatchObject([{ actor: 'test', runAttempt: 1 }]);
    expect(await ofRun(events.runFailed, run)).toEqual([]);
    expect(await ofRun(events.runCompleted, run)).toEqual([]);
    await expect(requireModel(world.registry, 'cancelled')).rejects.toMatchObject({
      code: 'RK_MODEL_NOT_FOUND',
    });
  });

  it('at the moment of its promotion is one or the other, never both', async () => {
    const runs = Array.from({ length: 24 }, (_, k) => newRun(`raced-${k}`));
    await Promise.all(runs.map((run) => begin(run)));
    const answers = await Promise.all(
      runs.map(async (run) => {
        const evaluated = world.others.publish(events.runEvaluated, run.runId, run.evaluated, {
          id: derivedEventId(events.runEvaluated.type, run.runId),
        });
        const cancelled = cancelRun(world.registry, { runId: run.runId, ...turn }).then(
          () => true,
          (error: { code: string }) => {
            expect(error.code).toBe('RK_RUN_ENDED');
            return false;
          },
        );
        await evaluated;
        return cancelled;
      }),
    );
    await Promise.all(runs.map((run) => world.ended(run.runId)));
    await world.finish({ model: 'after-race' });
    for (const [k, run] of runs.entries()) {
      const cancelled = answers[k] === true;
      const { state } = await getRun(world.registry, run.runId);
      expect(state).toBe(cancelled ? RunState.RUN_STATE_CANCELLED : RunState.RUN_STATE_PROMOTED);
      expect(await ofRun(events.runCompleted, run)).toHaveLength(cancelled ? 0 : 1);
      expect(await world.registry.collections.models.count({ _id: run.model })).toBe(cancelled ? 0 : 1);
    }
  });

  it('after its promotion is refused, and after its failure too', async () => {
    const { runId } = await world.finish({ model: 'finished' });
    await expect(cancelRun(world.registry, { runId, ...turn })).rejects.toMatchObject({
      code: 'RK_RUN_ENDED',
      message: `run ${runId} has ended as promoted`,
    });
    const run = newRun('failed-first');
    await deadLetter(run, 0, 1);
    await reached(run, RunState.RUN_STATE_FAILED);
    await expect(cancelRun(world.registry, { runId: run.runId, ...turn })).rejects.toMatchObject({
      code: 'RK_RUN_ENDED',
    });
  });
});

describe('a run that nothing happens to', () => {
  it('fails after the time named, with what is missing, unless that waits in a queue', async () => {
    const lost = newRun('lost');
    await begin(lost, [0, 2]);
    let nowMs = 0;
    const inHand = new Set<string>();
    const queues = {
      ...world.registry.queues,
      job: (runId: string) => Promise.resolve(inHand.has(runId)),
      evaluation: () => Promise.resolve(false),
    };
    const watch = createStallWatch({ ...world.registry, queues }, 1_000, () => nowMs);
    const queued = newRun('queued');
    await begin(queued, [0]);
    inHand.add(queued.runId);
    await watch.check();
    nowMs = 999;
    await watch.check();
    expect((await getRun(world.registry, lost.runId)).state).toBe(RunState.RUN_STATE_TRAINING);
    const trained = lost.trained[1];
    if (trained) await world.others.publish(events.foldTrained, lost.runId, trained, id());
    await expect
      .poll(() =>
        world.registry.collections.runs.count({ _id: lost.runId, 'jobs.f1.trained': { $exists: true } }),
      )
      .toBe(1);
    nowMs = 1_500;
    await watch.check();
    expect((await getRun(world.registry, lost.runId)).state).toBe(RunState.RUN_STATE_TRAINING);
    nowMs = 2_600;
    await watch.check();
    const failed = await getRun(world.registry, lost.runId);
    expect(failed).toMatchObject({ state: RunState.RUN_STATE_FAILED, code: 'RK_RUN_STALLED' });
    expect(failed.message).toMatch(
      /^final model, evaluation of fold 0, evaluation of fold 1, evaluation of fold 2: nothing happened for 1000 ms/,
    );
    expect((await getRun(world.registry, queued.runId)).state).toBe(RunState.RUN_STATE_TRAINING);
    inHand.delete(queued.runId);
    await watch.check();
    expect((await getRun(world.registry, queued.runId)).state).toBe(RunState.RUN_STATE_FAILED);
  });

  it('and that is asked to go on is failed and resumed in one, where its jobs are lost', async () => {
    const run = newRun('stuck');
    await begin(run, [0]);
    const late = { ...world.registry, clock: () => Date.now() + 3_600_000 };
    const none = {
      ...late.queues,
      job: () => Promise.resolve(false),
      evaluation: () => Promise.resolve(false),
    };
    await expect(
      resumeRun({ ...world.registry, queues: none }, { runId: run.runId, ...turn }),
    ).rejects.toMatchObject({
      code: 'RK_RUN_UNDER_WAY',
    });
    const resumed = await resumeRun({ ...late, queues: none }, { runId: run.runId, ...turn });
    expect(resumed).toMatchObject({ attempt: 2, state: RunState.RUN_STATE_TRAINING });
    expect(resumed.changes[0]).toMatchObject({ kind: 'failed', code: 'RK_RUN_STALLED' });
  });
});

describe('a run that searches', () => {
  it('fails where its trials are lost, naming the search and the last trial, and not while it goes on or waits', async () => {
    const run = newRun('searching');
    const { runId } = run;
    // The consumers that carry a search forward have done all that there is.
    const carried = [
      [events.datasetIngested, 'transform'],
      [events.trialEvaluated, 'transform-trials'],
      [events.trialFailed, 'transform-trial-failures'],
    ] as const;
    for (const [event, durable] of carried)
      await world.others.consume(event as typeof events.datasetIngested, {
        durable,
        handler: async () => {},
      });
    const handled = async (): Promise<void> => {
      for (const [event, durable] of carried) {
        const left = async (): Promise<number> => {
          const info = await world.others.jsm.consumers.info(event.stream, durable);
          return info.num_pending + info.num_ack_pending;
        };
        await expect.poll(left).toBe(0);
      }
    };
    await world.others.publish(events.datasetIngested, run.model, run.ingested, id());
    await world.others.publish(
      events.searchStarted,
      runId,
      SearchStarted.fromPartial({ searchId: runId, model: run.model }),
      id(),
    );
    const trial = (number: number) => ({
      trial: { searchId: runId, trial: number, rung: 0 },
      runId: trialRunIdOf(runId, number, 0),
      folds: 2,
    });
    const begin = (number: number): Promise<unknown> =>
      world.others.publish(events.trialStarted, runId, TrialStarted.fromPartial(trial(number)), id());
    await begin(0);
    await begin(1);
    await handled();
    await expect
      .poll(() => world.registry.collections.runs.count({ _id: runId, ingested: { $exists: true } }))
      .toBe(1);

    let nowMs = 0;
    const watch = createStallWatch(world.registry, 1_000, () => nowMs);
    const stateAt = async (ms: number): Promise<RunState> => {
      nowMs = ms;
      await watch.check();
      return (await getRun(world.registry, runId)).state;
    };
    const open = await stateAt(0);
    expect(open).toBeLessThan(RunState.RUN_STATE_PROMOTED);
    // A trial that ends is progress, though nothing changes about the run itself.
    expect(await stateAt(900)).toBe(open);
    await world.others.publish(events.trialEvaluated, runId, TrialEvaluated.fromPartial(trial(0)), id());
    await handled();
    expect(await stateAt(1_500)).toBe(open);
    // A job of the trial under way that waits for a trainer is no standstill, however long.
    const job = jobKeyOf(trialRunIdOf(runId, 1, 0), 1, false);
    const { sequence } = await world.others.publish(
      events.foldJob,
      job,
      FoldJob.fromPartial({ runId }),
      id(),
    );
    expect(await stateAt(10_000)).toBe(open);
    await world.others.jsm.streams.deleteMessage(events.foldJob.stream, sequence);
    expect(await stateAt(20_000)).toBe(RunState.RUN_STATE_FAILED);
    const failed = await getRun(world.registry, runId);
    expect(failed.code).toBe('RK_RUN_STALLED');
    expect(failed.message).toContain(`search ${runId}: trial 0 (rung 0) was evaluated`);
    expect(failed.message).toContain(`rookery runs resume ${runId}`);
    // Not "search", by which transform would know that nothing is to be resumed.
    expect(await ofRun(events.runFailed, run)).toMatchObject([{ step: 'the trials' }]);
    const resumed = await resumeRun(world.registry, { runId, ...turn });
    expect(resumed).toMatchObject({ attempt: 2, state: RunState.RUN_STATE_TRAINING });
  });
});

describe('a run that is reproduced', () => {
  const result = (reproductionId: string, run: RunEvents, fold: number, more: object = {}): FoldReproduced =>
    FoldReproduced.fromPartial({
      reproductionId,
      runId: run.runId,
      fold,
      final: fold === 3,
      equal: true,
      recordedSha256: 'a'.repeat(64),
      reproducedSha256: 'a'.repeat(64),
      environment: run.trained[fold]?.environment ?? {},
      ...more,
    });

  /** Resolves when the registry knows of every job of a run that has ended. */
  const complete = async (run: RunEvents): Promise<void> => {
    await world.publish(run);
    await world.ended(run.runId);
    const jobs = ['f0', 'f1', 'f2', 'final'].map((name) => ({ [`jobs.${name}.trained`]: { $exists: true } }));
    const results = ['f0', 'f1', 'f2'].map((name) => ({ [`jobs.${name}.evaluated`]: { $exists: true } }));
    const known = { _id: run.runId, $and: [...jobs, ...results] };
    await expect.poll(() => world.registry.collections.runs.count(known)).toBe(1);
  };

  it('tells of each difference in what trained it, and leaves run and champion as they are', async () => {
    const run = newRun('reproduced');
    await complete(run);
    const before = await getRun(world.registry, run.runId);
    const begun = await reproduceRun(world.registry, { runId: run.runId, actor: 'test' });
    expect(begun).toMatchObject({ state: 'training', actor: 'test' });
    expect(begun.recorded.map(({ fold, final }) => [fold, final])).toEqual([
      [0, false],
      [1, false],
      [2, false],
      [3, true],
    ]);
    const { reproductionId } = begun;
    const environment = { ...run.trained[2]?.environment, backend: 'wasm', codeVersion: 'def456' };
    const other = { equal: false, reproducedSha256: 'b'.repeat(64), environment };
    for (const fold of [0, 1, 3, 2, 0]) {
      const data = result(reproductionId, run, fold, fold === 2 ? other : {});
      await world.others.publish(events.foldReproduced, run.runId, data, id());
    }
    await expect
      .poll(async () => (await getReproduction(world.registry, reproductionId)).state)
      .toBe('different');
    const ended = await getReproduction(world.registry, reproductionId);
    expect(ended.jobs.map(({ equal }) => equal)).toEqual([true, true, false, true]);
    expect(ended.differences).toEqual(['backend was cpu, is wasm', 'code version was abc123, is def456']);
    expect(await ofRun(events.runReproduced, run)).toMatchObject([{ equal: false, reproductionId }]);
    // The decision may have been copied out of the model's document meanwhile, which is an update.
    const { updatedAtMs } = await getRun(world.registry, run.runId);
    expect(await getRun(world.registry, run.runId)).toEqual({ ...before, updatedAtMs });
  });

  it('of which a job can not be done ends incomplete, by a dead letter of that job, and the run is not failed by it', async () => {
    const run = newRun('half-reproduced');
    await complete(run);
    const { reproductionId } = await reproduceRun(world.registry, { runId: run.runId, actor: '' });
    for (const fold of [0, 1, 3]) {
      await world.others.publish(events.foldReproduced, run.runId, result(reproductionId, run, fold), id());
    }
    const letter = DeadLetter.fromPartial({
      subject: `ml.job.fold.${reproductionId}-f2`,
      payload: Buffer.from(JSON.stringify({ runId: run.runId, fold: 2, reproduction: { reproductionId } })),
      code: 'RK_ARTIFACT_NOT_FOUND',
      message: 'the bundle is gone',
      attempts: 1,
      service: 'trainer',
      consumer: 'trainer',
    });
    await world.others.publish(events.deadLetter, 'trainer', letter, id());
    await expect
      .poll(async () => (await getReproduction(world.registry, reproductionId)).state)
      .toBe('incomplete');
    const { jobs } = await getReproduction(world.registry, reproductionId);
    expect(jobs[2]).toMatchObject({ fold: 2, equal: false, code: 'RK_ARTIFACT_NOT_FOUND' });
    expect((await getRun(world.registry, run.runId)).state).toBe(RunState.RUN_STATE_PROMOTED);
    expect(await ofRun(events.runFailed, run)).toEqual([]);
  });

  it('is refused while it trains, and where nothing was trained', async () => {
    const open = newRun('still-open');
    await begin(open, [0]);
    const asked = (runId: string): Promise<unknown> => reproduceRun(world.registry, { runId, actor: '' });
    await expect(asked(open.runId)).rejects.toMatchObject({ code: 'RK_RUN_UNDER_WAY' });
    const bare = newRun('bare');
    await deadLetter(bare, 0, 1);
    await reached(bare, RunState.RUN_STATE_FAILED);
    await expect(asked(bare.runId)).rejects.toMatchObject({ code: 'RK_RUN_NOT_REPRODUCIBLE' });
    await expect(asked('run-0000000000000000')).rejects.toMatchObject({ code: 'RK_RUN_NOT_FOUND' });
    await expect(getReproduction(world.registry, 'rep-none')).rejects.toMatchObject({
      code: 'RK_REPRODUCTION_NOT_FOUND',
    });
  });
});
