import { createOutbox } from '@rookery/bus';
import type { EventMeta } from '@rookery/bus';
import { jobKeyOf, runIdOf } from '@rookery/contracts';
import { noPlugins } from '@rookery/plugin';
import { SearchState } from '@rookery/proto/rookery/transform/v1/transform';
import { createRandom } from '@rookery/tabular';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { planCollection } from '../src/adapters/plan-collection.js';
import { searchCollection } from '../src/adapters/search-collection.js';
import { cancelSearch } from '../src/application/cancel-search.js';
import { endAttempt } from '../src/application/advance-search.js';
import { startSearch } from '../src/application/run-search.js';
import type { SearchPorts } from '../src/application/open-search.js';
import { getSearch } from '../src/application/read-search.js';
import { takeDeadLetter } from '../src/application/search-events.js';
import { startAttempt } from '../src/application/start-run.js';
import { delivered, flowers, ingested, openFolder, quiet } from './world.js';

type Folder = Awaited<ReturnType<typeof openFolder>>;
interface Job {
  runId: string;
  fold?: number;
  final?: boolean;
  runAttempt?: number;
  modelSpec: { epochs: number; batchSize: number };
  trial?: { searchId: string; trial?: number; rung?: number };
}

let folder: Folder;
let serial = 0;
beforeEach(async () => {
  folder = await openFolder();
});
afterEach(() => folder.close());

/** A transform service whose bus keeps each id once; `die` makes it fail at a publish, as a process that is killed there. */
async function world() {
  const kept = new Map<string, { type: string; data: unknown }>();
  /** What the log tells of ends, by type of event. */
  const ends = new Map<string, unknown[]>();
  let publishesLeft = Infinity;
  const outbox = createOutbox({
    publishEncoded: async (event, _key, body, { id }) => {
      if (publishesLeft-- <= 0) throw new Error('killed');
      const duplicate = kept.has(id);
      if (!duplicate)
        kept.set(id, { type: event.type, data: JSON.parse(Buffer.from(body).toString()) as unknown });
      return { sequence: kept.size, duplicate };
    },
  });
  serial += 1;
  const requestId = `search-${serial}`;
  const ports: SearchPorts = {
    plans: await planCollection(folder.store),
    searches: await searchCollection(folder.store),
    artifacts: folder.artifacts,
    outbox,
    bus: {
      lastOf: () => Promise.resolve(undefined),
      replay: async (event, { onEvent }) => {
        for (const data of ends.get(event.type) ?? []) await onEvent({ ...cause, data } as never);
        return { caughtUp: Promise.resolve(), done: Promise.resolve(), count: () => 0, stop: async () => {} };
      },
    },
    plugins: noPlugins(),
    mode: 'development',
    codeVersion: '1.2.3',
    logger: quiet,
  };
  const of = (type: string): unknown[] =>
    [...kept.values()].filter((entry) => entry.type === type).map(({ data }) => data);
  return {
    ports,
    ends,
    requestId,
    runId: runIdOf(requestId),
    of,
    jobs: (): Job[] => of('ml.job.fold') as Job[],
    dieAfter: (publishes: number) => void (publishesLeft = publishes),
    live: () => void (publishesLeft = Infinity),
    async ask(search: Record<string, unknown>, runAttempt = 1): Promise<void> {
      const request = { folds: 2, epochs: 9, search };
      const data = await ingested(folder.artifacts, flowers(), request, requestId);
      await startAttempt({ ...ports, search: startSearch(ports) }, delivered(data), runAttempt);
    },
  };
}

const cause: EventMeta = delivered({ requestEventId: 'x', name: 'flowers' } as never);
const space = { learningRate: { logUniform: [0.001, 0.1] }, batchSize: [4, 8, 16] };

/** The attempts whose jobs are in the queue and that have not ended. */
function open(jobs: readonly Job[], ended: ReadonlySet<string>): { trial: number; rung: number }[] {
  const found = new Map<string, { trial: number; rung: number }>();
  for (const { runId, trial } of jobs)
    if (trial !== undefined && !ended.has(runId))
      found.set(runId, { trial: trial.trial ?? 0, rung: trial.rung ?? 0 });
  return [...found.values()];
}

describe('a search', () => {
  test('of a cancelled run tries nothing more, and starts no run', async () => {
    const { ports, ask, jobs, of, runId } = await world();
    await ask({ strategy: 'random', trials: 3, parallel: 1, space });
    await cancelSearch(ports.searches, runId);
    const before = jobs().length;
    await endAttempt(ports)(runId, { trial: 0, rung: 0, metrics: { accuracy: { mean: 0.5 } } }, cause);
    expect(jobs()).toHaveLength(before);
    expect((await getSearch(ports.searches)({ runId })).state).toBe(SearchState.SEARCH_STATE_CANCELLED);
    expect([...of('ml.run.started'), ...of('ml.search.completed')]).toEqual([]);
  });

  test('whose run was cancelled before it began tries nothing', async () => {
    const { ports, ask, jobs, of, runId } = await world();
    ports.bus.lastOf = (event) =>
      Promise.resolve(event.type === 'ml.run.cancelled' ? ({ data: { runId } } as never) : undefined);
    await ask({ strategy: 'random', trials: 3, parallel: 1, space });
    expect((await getSearch(ports.searches)({ runId })).state).toBe(SearchState.SEARCH_STATE_CANCELLED);
    expect([...jobs(), ...of('ml.trial.started')]).toEqual([]);
  });

  test('queues the folds of a few trials, goes on as they end, and its best becomes the run', async () => {
    const { ports, ask, jobs, of, runId } = await world();
    await ask({ strategy: 'random', trials: 5, parallel: 2, space });
    expect(jobs().map((job) => jobKeyOf(job.runId, job.fold ?? 0, job.final ?? false))).toEqual([
      `${runId}-t0r0-f0`,
      `${runId}-t0r0-f1`,
      `${runId}-t1r0-f0`,
      `${runId}-t1r0-f1`,
    ]);
    const end = endAttempt(ports);
    for (const [trial, mean] of [0.4, 0.9, 0.6, 0.9, 0.1].entries())
      await end(runId, { trial, rung: 0, metrics: { accuracy: { mean } } }, cause);
    const [started] = of('ml.run.started') as [
      { search: Record<string, unknown>; modelSpec: Job['modelSpec'] },
    ];
    expect(started.search).toMatchObject({
      trials: 5,
      attempts: 5,
      bestTrial: 1,
      bestScore: 0.9,
      metric: 'accuracy',
    });
    const best = jobs().find((job) => job.trial?.trial === 1)!;
    const ofRun = jobs().filter((job) => job.runId === runId);
    expect(ofRun).toHaveLength(3);
    for (const job of ofRun) expect(job.modelSpec).toEqual(best.modelSpec);
    expect(of('ml.search.completed')).toHaveLength(1);
    const { state, attempts, result, lowerIsBetter } = await getSearch(ports.searches)({ runId });
    expect(lowerIsBetter).toBe(false);
    expect(state).toBe(2);
    expect(attempts.map(({ score }) => score)).toEqual([0.4, 0.9, 0.6, 0.9, 0.1]);
    expect(result?.bestPoint).toEqual(attempts[1]?.point);
  });

  test('ends with one run whatever is delivered twice, in any order, and wherever it is killed', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(), fc.integer({ min: 2, max: 9 }), fc.boolean(), async (seed, trials, asha) => {
        const random = createRandom(seed);
        const { ports, ask, jobs, of, runId, dieAfter, live } = await world();
        const search = {
          strategy: asha ? 'asha' : 'random',
          trials,
          parallel: 3,
          space,
          ...(asha ? { minEpochs: 1 } : {}),
        };
        /** As the bus does: again until it is handled. */
        const handled = async (work: () => Promise<void>): Promise<void> => {
          dieAfter(random.integer(6));
          for (;;) {
            try {
              await work();
              if (random.integer(3) === 0) await work();
              return;
            } catch (error) {
              expect((error as Error).message).toBe('killed');
              live();
            }
          }
        };
        await handled(() => ask(search));
        live();
        await ports.outbox.recover(ports.searches);
        const ended = new Set<string>();
        for (;;) {
          const running = open(jobs(), ended);
          if (running.length === 0) break;
          expect(running.length).toBeLessThanOrEqual(3);
          const { trial, rung } = running[random.integer(running.length)]!;
          ended.add(`${runId}-t${trial}r${rung}`);
          const end =
            random.integer(4) === 0
              ? { code: 'RK_TRAIN_DIVERGED', message: 'NaN', step: 'fold 0' }
              : { metrics: { accuracy: { mean: random.integer(5) / 5 } } };
          await handled(() => endAttempt(ports)(runId, { trial, rung, ...end }, cause));
          live();
          await ports.outbox.recover(ports.searches);
        }
        await ports.outbox.recover(ports.plans);
        expect(of('ml.search.completed').length + of('ml.run.failed').length).toBe(1);
        expect(of('ml.run.started')).toHaveLength(of('ml.search.completed').length);
        const ids = jobs().map((job) => jobKeyOf(job.runId, job.fold ?? 0, job.final ?? false));
        expect(new Set(ids).size).toBe(ids.length);
        expect(jobs().filter((job) => job.final).length).toBe(of('ml.search.completed').length);
      }),
      { numRuns: 25 },
    );
  });

  test('of a resumed run takes in the ends that it missed and sends what is under way again, once', async () => {
    const { ports, ask, ends, jobs, of, runId } = await world();
    const search = { strategy: 'random', trials: 4, parallel: 2, space };
    await ask(search);
    const before = jobs();
    const ref = (trial: number) => ({ searchId: runId, trial, rung: 0 });
    const metrics = { accuracy: { mean: 0.5, std: 0 } };
    ends.set('ml.trial.evaluated', [{ trial: ref(0), runId: `${runId}-t0r0`, metrics }]);
    await ask(search, 2);
    const sent = jobs()
      .slice(before.length)
      .map((job) => [jobKeyOf(job.runId, job.fold ?? 0, false), job.runAttempt]);
    // Trial 0 has ended, so trial 2 began; both under way are sent with the attempt of the run.
    expect(sent).toEqual([
      [`${runId}-t2r0-f0`, 1],
      [`${runId}-t2r0-f1`, 1],
      [`${runId}-t1r0-f0`, 2],
      [`${runId}-t1r0-f1`, 2],
      [`${runId}-t2r0-f0`, 2],
      [`${runId}-t2r0-f1`, 2],
    ]);
    const count = jobs().length;
    await ask(search, 2);
    expect(jobs()).toHaveLength(count);
    for (const trial of [1, 2, 3])
      await endAttempt(ports)(runId, { trial, rung: 0, metrics: { accuracy: { mean: 0.6 } } }, cause);
    expect(of('ml.search.completed')).toHaveLength(1);
    expect(of('ml.run.started')).toHaveLength(1);
    const ended = jobs().length;
    await ask(search, 3);
    expect(jobs()).toHaveLength(ended);
  });

  test('fails its run with the reason of a trial where no trial gives a score', async () => {
    const { ports, ask, of, runId } = await world();
    await ask({ trials: 2, space });
    for (const trial of [0, 1])
      await endAttempt(ports)(
        runId,
        { trial, rung: 0, code: 'RK_TRAIN_DIVERGED', message: 'loss is NaN', step: 'fold 0' },
        cause,
      );
    expect(of('ml.run.failed')).toEqual([
      expect.objectContaining({
        runId,
        code: 'RK_SEARCH_FAILED',
        message: expect.stringMatching(/2 trials.*loss is NaN/) as string,
      }),
    ]);
    expect(of('ml.run.started')).toEqual([]);
  });

  test('counts a trial that can not be planned as failed, and goes on', async () => {
    const { ports, ask, jobs, runId } = await world();
    await ask({
      strategy: 'grid',
      space: {
        'modelSpec.layers': [
          [{ units: 4 }, {}],
          [{ units: -1 }, {}],
          [{ units: 8 }, {}],
        ],
      },
    });
    const { attempts } = await getSearch(ports.searches)({ runId });
    expect(attempts.map(({ status, code }) => [status, code])).toEqual([
      [1, ''],
      [3, 'RK_SPEC_INVALID'],
      [1, ''],
    ]);
    expect(jobs()).toHaveLength(4);
  });

  test('ends a trial whose job is a dead letter, and leaves those of others alone', async () => {
    const { ports, ask, runId } = await world();
    await ask({ trials: 2, space });
    const handle = takeDeadLetter(endAttempt(ports));
    const letter = (subject: string, payload: object) =>
      handle({
        ...cause,
        data: {
          subject,
          payload: Buffer.from(JSON.stringify(payload)),
          code: 'RK_TRAIN_WORKER_DIED',
          message: 'died',
        },
      } as never);
    await letter(`ml.job.fold.${runId}-t1r0-f1`, {
      runId: `${runId}-t1r0`,
      trial: { searchId: runId, trial: 1 },
    });
    await letter(`ml.job.fold.${runId}-f1`, { runId });
    await letter('ml.run.started.x', { runId });
    const { attempts } = await getSearch(ports.searches)({ runId });
    expect(attempts.map(({ code }) => code)).toEqual(['', 'RK_TRAIN_WORKER_DIED']);
  });

  test.each([
    ['RK_SEARCH_INVALID', {}, 'search.space'],
    ['RK_SEARCH_INVALID', { space: { learningRate: [] } }, 'search.space.learningRate'],
    [
      'RK_SEARCH_INVALID',
      { space: { 'modelSpec.layers[7].units': [1, 2] } },
      'search.space.modelSpec.layers[7].units',
    ],
    ['RK_SPEC_INVALID', { space: { 'modelSpec.lairs': [1, 2] } }, 'lairs'],
    [
      'RK_SEARCH_TOO_LARGE',
      { strategy: 'grid', space: { epochs: { int: [1, 100_000] }, batchSize: { int: [1, 10_000] } } },
      'search.space',
    ],
  ])('is refused with %s before any trial: %j', async (code, search, field) => {
    const { ask, of, ports, runId } = await world();
    await expect(ask(search)).rejects.toMatchObject({ code, details: { field } });
    expect(of('ml.trial.started')).toEqual([]);
    await expect(getSearch(ports.searches)({ runId })).rejects.toMatchObject({ code: 'RK_RUN_NOT_FOUND' });
  });
});
