import { createOutbox } from '@rookery/bus';
import type { Bus, BusEvent } from '@rookery/bus';
import { events, jobKeyOf, runIdOf } from '@rookery/contracts';
import type { EventType } from '@rookery/contracts';
import { noPlugins } from '@rookery/plugin';
import type { FoldJob, RunStarted } from '@rookery/proto/rookery/events/v1/run';
import { rebuildFromLog } from '@rookery/service-kit';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { planCollection } from '../src/adapters/plan-collection.js';
import { searchCollection } from '../src/adapters/search-collection.js';
import type { SearchPorts } from '../src/application/open-search.js';
import { transformRebuild } from '../src/application/rebuild.js';
import { endAttempt } from '../src/application/advance-search.js';
import { startSearch } from '../src/application/run-search.js';
import { reproduceRun } from '../src/application/reproduce-run.js';
import { resumeRun } from '../src/application/resume-run.js';
import { startRun } from '../src/application/start-run.js';
import { delivered, flowers, ingested, openFolder, quiet } from './world.js';

interface Published {
  readonly id: string;
  readonly event: BusEvent<unknown>;
}

let folder: Awaited<ReturnType<typeof openFolder>>;
let lost: Awaited<ReturnType<typeof openFolder>>;
let published: Published[];
let source: BusEvent<unknown>;
let plan: unknown;

/** A bus that keeps what is published, decoded, as its log. */
const publishing: Pick<Bus, 'publishEncoded'> = {
  publishEncoded: async (type, key, body, { id, time = new Date(), correlationId = id }) => {
    const data = type.message.fromJSON(JSON.parse(Buffer.from(body).toString()));
    const { stream } = type;
    const meta = { id, type: type.type, subject: type.subject(key), key, source: '', time, correlationId };
    published.push({
      id,
      event: { ...meta, deliveryCount: 1, stream, sequence: published.length + 1, data, raw: body },
    });
    return { sequence: published.length, duplicate: false };
  },
};

beforeEach(async () => {
  [folder, lost] = await Promise.all([openFolder(), openFolder()]);
  published = [];
  const ports = await portsOn(lost);
  const event = delivered(await ingested(folder.artifacts, flowers(), { folds: 3 }, 'request-1'));
  source = event;
  await startRun({ ...ports, search: startSearch(ports) })(event);
  plan = await ports.plans.findOne({ _id: runIdOf('request-1') });
});
afterEach(async () => {
  await folder.close();
  await lost.close();
});

/** The last published event of a key. */
const lastOf: Bus['lastOf'] = async (type, key) =>
  published.findLast(({ event }) => event.type === type.type && event.key === key)?.event as never;

/** The published events of a key. */
const replay: Bus['replay'] = async (type, { key, onEvent }) => {
  const found = published.filter(({ event }) => event.type === type.type && event.key === key);
  for (const { event } of found) await onEvent(event as never);
  return {
    caughtUp: Promise.resolve(),
    done: Promise.resolve(),
    count: () => found.length,
    stop: async () => {},
  };
};

/** What planning works with, on the database of a folder; artifacts are always those of the first. */
async function portsOn({ store }: Awaited<ReturnType<typeof openFolder>>): Promise<SearchPorts> {
  return {
    plans: await planCollection(store),
    searches: await searchCollection(store),
    artifacts: folder.artifacts,
    outbox: createOutbox(publishing),
    bus: { lastOf, replay },
    plugins: noPlugins(),
    mode: 'development',
    codeVersion: '1',
    logger: quiet,
  };
}

/** Rebuilds an empty database from these events; what it announces. */
async function rebuiltFrom(
  log: readonly BusEvent<unknown>[],
): Promise<{ plan: unknown; searches: unknown[]; announced: Published[] }> {
  const ports = await portsOn(folder);
  const { plans, searches, outbox } = ports;
  const before = published.length;
  await rebuildFromLog(
    {
      store: folder.store,
      outbox,
      logger: quiet as never,
      clock: Date.now,
      signal: new AbortController().signal,
      bus: {
        bounds: async () => ({ firstSequence: 1, lastSequence: log.length, messages: log.length }),
        replayAll: async (stream, _types, { onEvent }) => {
          for (const event of log) if (event.stream === stream) await onEvent(event);
          return log.length;
        },
      },
    },
    transformRebuild(ports),
  );
  await outbox.recover(plans);
  await outbox.recover(searches);
  return {
    plan: await plans.findOne({ _id: runIdOf('request-1') }),
    searches: await searches.find(),
    announced: published.slice(before),
  };
}

describe('plans that are rebuilt from the log', () => {
  test('are what they were, and announce nothing that is in the log', async () => {
    const rebuilt = await rebuiltFrom([source, ...published.map(({ event }) => event)]);
    expect(rebuilt.plan).toEqual(plan);
    expect(rebuilt.announced).toEqual([]);
  });

  test('announce the jobs that were not published when the process died, as they would have been', async () => {
    const all = [...published];
    // The plan and one job were out.
    const rebuilt = await rebuiltFrom([source, ...all.slice(0, 2).map(({ event }) => event)]);
    expect(rebuilt.announced.map(({ id }) => id)).toEqual(all.slice(2).map(({ id }) => id));
    expect(rebuilt.announced.map(({ event }) => event.data)).toEqual(
      all.slice(2).map(({ event }) => event.data),
    );
  });

  test('announce no job of a run that has ended, nor one that is trained', async () => {
    const started = published[0]?.event as BusEvent<RunStarted>;
    const job = published[1]?.event.data as FoldJob;
    const trained = { ...started, type: events.foldTrained.type, data: job };
    const { announced } = await rebuiltFrom([source, started, trained]);
    expect(announced.map(({ event }) => event.key)).not.toContain(jobKeyOf(job.runId, job.fold, job.final));
    expect(announced).toHaveLength(3);

    await (await folder.store.collection('rebuild')).deleteMany({});
    await (await planCollection(folder.store)).deleteMany({});
    const failed = { ...started, type: events.runFailed.type, data: { runId: started.data.runId } };
    expect((await rebuiltFrom([source, started, failed])).announced).toEqual([]);
  });
});

describe('turns of a run that are rebuilt from the log', () => {
  const runId = runIdOf('request-1');
  let ports: SearchPorts;
  /** Puts an event of another service into the log; answers with it as it is delivered. */
  async function told<T>(type: EventType<T>, data: unknown): Promise<BusEvent<T>> {
    const encoded = Buffer.from(JSON.stringify(type.message.toJSON(type.message.fromJSON(data))));
    await publishing.publishEncoded(type, runId, encoded, { id: `told-${published.length}` });
    return published.at(-1)?.event as BusEvent<T>;
  }
  const log = (): BusEvent<unknown>[] => [source, ...published.map(({ event }) => event)];
  const forget = async (): Promise<void> => {
    for (const name of ['rebuild', 'plans']) await (await folder.store.collection(name)).deleteMany({});
  };

  beforeEach(async () => {
    ports = await portsOn(lost);
    const trained = await folder.artifacts.put(Buffer.from('weights'), 'application/octet-stream');
    for (const fold of [0, 2])
      await told(events.foldTrained, { runId, fold, trained: { sha256: trained.sha256 } });
    await told(events.foldTrained, { runId, fold: 3, final: true, trained: { sha256: 'f'.repeat(64) } });
    await told(events.runFailed, { runId });
  });
  const resume = async (): Promise<void> => {
    const resumed = await told(events.runResumed, { runId, runAttempt: 2, datasetName: source.key });
    await resumeRun({ ...ports, search: startSearch(ports) })(resumed);
  };

  test('a failed run announces nothing; a resumed one is in its attempt, with the jobs that it was sent', async () => {
    expect((await rebuiltFrom(log())).announced).toEqual([]);
    await forget();
    await resume();
    const lived = await ports.plans.findOne({ _id: runId });
    // Fold 1 was never trained, and the final model's artifact is gone.
    expect(lived?.resumed).toEqual({ '2': [1, 3] });
    const rebuilt = await rebuiltFrom(log());
    expect(rebuilt.plan).toEqual(lived);
    expect(rebuilt.announced).toEqual([]);
  });

  test('jobs of a resumed run that were lost with the database are announced as they would have been', async () => {
    await resume();
    const jobs = published.filter(({ event }) => (event.data as Partial<FoldJob>).runAttempt === 2).slice(1);
    expect(jobs.map(({ event }) => event.type)).toEqual([events.foldJob.type, events.foldJob.type]);
    const ids = jobs.map(({ id }) => id);
    const { announced } = await rebuiltFrom(log().filter(({ id }) => !ids.includes(id)));
    expect(announced.map(({ id }) => id)).toEqual(ids);
    expect(announced.map(({ event }) => event.data)).toEqual(jobs.map(({ event }) => event.data));
  });

  test('nothing is announced of a cancelled run', async () => {
    await resume();
    published.splice(-2);
    await told(events.runCancelled, { runId, runAttempt: 2 });
    expect((await rebuiltFrom(log())).announced).toEqual([]);
  });

  test('a reproduction is known, and jobs of it that were lost are announced, unless it has its result', async () => {
    const jobs = [0, 1].map((fold) => ({ fold, trained: { sha256: 'a'.repeat(64) } }));
    const asked = { reproductionId: 'rep-1', runId, model: 'flowers', jobs };
    await reproduceRun({ ...ports, bus: { lastOf } })(await told(events.runReproducing, asked));
    const sent = published.slice(-2);
    expect(sent.map(({ event }) => event.key)).toEqual(['rep-1-f0', 'rep-1-f1']);
    const lived = await ports.plans.findOne({ _id: 'rep-1' });
    expect((await rebuiltFrom(log())).announced).toEqual([]);
    expect(await (await portsOn(folder)).plans.findOne({ _id: 'rep-1' })).toEqual(lived);
    await forget();
    const { announced } = await rebuiltFrom(log().slice(0, -1));
    expect(announced.map(({ id, event }) => [id, event.data])).toEqual([[sent[1]?.id, sent[1]?.event.data]]);
    await forget();
    published.splice(published.indexOf(sent[0] as Published), 2);
    await told(events.runReproduced, { reproductionId: 'rep-1', runId });
    expect((await rebuiltFrom(log())).announced).toEqual([]);
  });
});

describe('searches that are rebuilt from the log', () => {
  const search = {
    trials: 3,
    parallel: 2,
    space: {
      'modelSpec.layers': [
        [{ units: 4 }, {}],
        [{ units: -1 }, {}],
        [{ units: 8 }, {}],
      ],
    },
  };

  /** Asks for a search and ends its attempts one after the other; the log after each step, and the state it tells of. */
  async function steps(): Promise<{ log: BusEvent<unknown>[]; state: unknown[] }[]> {
    published.length = 0;
    const ports = await portsOn(lost);
    const event = delivered(await ingested(folder.artifacts, flowers(), { folds: 2, search }, 'request-2'));
    const seen: { log: BusEvent<unknown>[]; state: unknown[] }[] = [];
    const step = async (): Promise<void> => {
      seen.push({
        log: [event, ...published.map((entry) => entry.event)],
        state: await ports.searches.find(),
      });
    };
    await startRun({ ...ports, search: startSearch(ports) })(event);
    await step();
    const searchId = runIdOf('request-2');
    /** As the services after it tell of an end: in the log first, then taken in. */
    const told = async <T>(
      type: EventType<T>,
      data: T,
      end: Parameters<ReturnType<typeof endAttempt>>[1],
    ) => {
      const encoded = Buffer.from(JSON.stringify(type.message.toJSON(data)));
      await publishing.publishEncoded(type, searchId, encoded, { id: `end-${seen.length}` });
      await endAttempt(ports)(searchId, end, event);
      await step();
    };
    const running = async (): Promise<number[]> =>
      Object.values((await ports.searches.findOne({ _id: searchId }))?.attempts ?? {})
        .filter(({ status }) => status === 'running')
        .map(({ trial }) => trial);
    const [first, second] = (await running()) as [number, number];
    const failure = { code: 'RK_TRAIN_DIVERGED', message: 'loss is NaN', step: 'fold 1' };
    const ref = (trial: number) => ({ searchId, trial, rung: 0 });
    await told(
      events.trialFailed,
      { trial: ref(first), runId: `${searchId}-t${first}r0`, ...failure },
      { trial: first, rung: 0, ...failure },
    );
    const metrics = { accuracy: { mean: 0.75, std: 0.1 } };
    await told(
      events.trialEvaluated,
      { trial: ref(second), runId: `${searchId}-t${second}r0`, metrics },
      { trial: second, rung: 0, metrics },
    );
    return seen;
  }

  test('are what they were at every step, and announce nothing that is in the log', async () => {
    const all = await steps();
    expect(all.at(-1)?.state).toMatchObject([{ state: 'completed', begun: 3, ended: 3 }]);
    for (const { log, state } of all) {
      const rebuilt = await rebuiltFrom(log);
      expect(rebuilt.searches).toEqual(state);
      expect(rebuilt.announced).toEqual([]);
      for (const name of ['rebuild', 'plans', 'searches'])
        await (await folder.store.collection(name)).deleteMany({});
    }
  });

  test('stay cancelled with their run, and announce nothing', async () => {
    const searchId = runIdOf('request-2');
    for (const { log } of (await steps()).slice(0, -1)) {
      const data = { runId: searchId, runAttempt: 1, model: 'flowers', actor: 'a', reason: '', timeMs: 1 };
      const cancelled = { ...(log[0] as BusEvent<unknown>), type: events.runCancelled.type, data };
      const jobless = log.filter(({ type }) => type !== events.foldJob.type);
      // The cancellation may stand before the search that it met, too.
      for (const at of [1, jobless.length]) {
        const rebuilt = await rebuiltFrom(jobless.toSpliced(at, 0, cancelled));
        expect(rebuilt.searches).toMatchObject([{ _id: searchId, state: 'cancelled' }]);
        expect(rebuilt.announced).toEqual([]);
        for (const name of ['rebuild', 'plans', 'searches'])
          await (await folder.store.collection(name)).deleteMany({});
      }
    }
  });

  test('announce the jobs and the next trials that were lost with the database, as they would have been', async () => {
    const [source, ...whole] = (await steps())[0]?.log as [BusEvent<unknown>, ...BusEvent<unknown>[]];
    const ofJob = ({ type }: BusEvent<unknown>): boolean => type === events.foldJob.type;
    // No job was out when the process died.
    const { announced } = await rebuiltFrom([source, ...whole.filter((event) => !ofJob(event))]);
    const expected = whole.filter(ofJob);
    expect(expected.length).toBeGreaterThan(0);
    expect(announced.map(({ event }) => event.key)).toEqual(expected.map(({ key }) => key));
  });

  test('of a resumed run are in its attempt; what of it was sent again and lost is announced as it would have been', async () => {
    const event = delivered(await ingested(folder.artifacts, flowers(), { folds: 2, search }, 'request-2'));
    const ports = await portsOn(lost);
    const resuming = { ...ports, search: startSearch(ports) };
    published.length = 0;
    await startRun(resuming)(event);
    published.push({ id: 'ingested', event });
    const runId = runIdOf('request-2');
    const resumed = {
      ...event,
      type: events.runResumed.type,
      key: runId,
      data: { runId, runAttempt: 2, datasetName: event.key },
    };
    published.push({ id: 'resumed', event: resumed });
    const sentBefore = published.length;
    await resumeRun(resuming)(resumed as never);
    const again = published.slice(sentBefore);
    expect(again.map(({ event: { type, data } }) => [type, (data as FoldJob).runAttempt])).toEqual(
      Array(4).fill([events.foldJob.type, 2]),
    );
    const lived = await ports.searches.find();
    expect(lived).toMatchObject([{ resumedIn: 2, state: 'running' }]);
    const log = [event, ...published.filter(({ id }) => id !== 'ingested').map((entry) => entry.event)];
    const whole = await rebuiltFrom(log);
    expect(whole.searches).toEqual(lived);
    expect(whole.announced).toEqual([]);
    for (const name of ['rebuild', 'plans', 'searches'])
      await (await folder.store.collection(name)).deleteMany({});
    const { announced } = await rebuiltFrom(log.slice(0, -2));
    expect(announced.map(({ id }) => id)).toEqual(again.slice(-2).map(({ id }) => id));
  });
});
