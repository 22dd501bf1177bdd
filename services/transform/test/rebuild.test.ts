import { createOutbox } from '@rookery/bus';
import type { Bus, BusEvent } from '@rookery/bus';
import { events, jobKeyOf, runIdOf } from '@rookery/contracts';
import type { EventType } from '@rookery/contracts';
import type { FoldJob, RunStarted } from '@rookery/proto/rookery/events/v1/run';
import { rebuildFromLog } from '@rookery/service-kit';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { planCollection } from '../src/adapters/plan-collection.js';
import { transformRebuild } from '../src/application/rebuild.js';
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
    const data = (type as EventType<unknown>).message.fromJSON(JSON.parse(Buffer.from(body).toString()));
    const { stream } = type as EventType<unknown>;
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
  const plans = await planCollection(lost.store);
  const event = delivered(await ingested(folder.artifacts, flowers(), { folds: 3 }, 'request-1'));
  source = event;
  await startRun({
    plans,
    artifacts: folder.artifacts,
    outbox: createOutbox(publishing),
    mode: 'development',
    codeVersion: '1',
  })(event);
  plan = await plans.findOne({ _id: runIdOf('request-1') });
});
afterEach(async () => {
  await folder.close();
  await lost.close();
});

/** Rebuilds an empty database from these events; what it announces. */
async function rebuiltFrom(
  log: readonly BusEvent<unknown>[],
): Promise<{ plan: unknown; announced: Published[] }> {
  const plans = await planCollection(folder.store);
  const outbox = createOutbox(publishing);
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
    transformRebuild(plans, outbox),
  );
  await outbox.recover(plans);
  return { plan: await plans.findOne({ _id: runIdOf('request-1') }), announced: published.slice(before) };
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
