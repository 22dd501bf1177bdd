import { connectBus } from '@rookery/bus';
import type { Bus } from '@rookery/bus';
import { startNatsServer } from '@rookery/bus/testing';
import type { NatsServer } from '@rookery/bus/testing';
import { events, runIdOf } from '@rookery/contracts';
import { DatasetIngested, DatasetRejected } from '@rookery/proto/rookery/events/v1/dataset';
import { InferenceSwapped, ModelRejected, RejectionStage } from '@rookery/proto/rookery/events/v1/model';
import { FoldProgress, FoldTrained, RunEvaluated, RunFailed } from '@rookery/proto/rookery/events/v1/run';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { RookeryClient, addressesFromEnvironment, watchRun } from '../src/index.js';
import type { RunStep } from '../src/index.js';

let server: NatsServer;
let bus: Bus;
let serial = 0;

beforeAll(async () => {
  server = await startNatsServer();
  bus = await connectBus({ url: server.url, name: 'test' });
  await bus.ensureTopology();
});

afterAll(async () => {
  await bus?.close();
  await server?.stop();
});

/** A watch of a request that nobody else has, and what it saw. */
async function newWatch(): Promise<{
  id: string;
  runId: string;
  steps: RunStep[];
  watch: Awaited<ReturnType<typeof watchRun>>;
}> {
  serial += 1;
  const id = `request-${serial}`;
  const steps: RunStep[] = [];
  const watch = await watchRun(bus, id, (step) => steps.push(step));
  return { id, runId: runIdOf(id), steps, watch };
}

let sent = 0;
const publish: Bus['publish'] = (event, key, data, options) => bus.publish(event, key, data, options);
const id = (): { id: string } => ({ id: `event-${(sent += 1)}` });

describe('a watched run', () => {
  it('tells every step of its own in order, nothing of other runs, and ends with the swap', async () => {
    const { id: requestEventId, runId, steps, watch } = await newWatch();
    const other = runIdOf('another');
    await publish(
      events.datasetIngested,
      'd',
      DatasetIngested.fromPartial({ requestEventId, rows: 9, version: 2, columns: [{ name: 'a' }] }),
      id(),
    );
    await publish(
      events.datasetIngested,
      'd',
      DatasetIngested.fromPartial({ requestEventId: 'another' }),
      id(),
    );
    bus.publishProgress(runId, FoldProgress.fromPartial({ runId, fold: 1, epoch: 3, epochs: 5 }));
    await publish(events.foldTrained, runId, FoldTrained.fromPartial({ runId, fold: 1, folds: 2 }), id());
    await publish(events.foldTrained, other, FoldTrained.fromPartial({ runId: other }), id());
    await publish(events.runEvaluated, runId, RunEvaluated.fromPartial({ runId, model: 'm' }), id());
    await publish(
      events.inferenceSwapped,
      'm',
      InferenceSwapped.fromPartial({ runId: other, model: 'm', version: 7 }),
      id(),
    );
    await publish(
      events.inferenceSwapped,
      'm',
      InferenceSwapped.fromPartial({ runId, model: 'm', version: 8 }),
      id(),
    );

    const outcome = await watch.outcome;
    await watch.stop();
    expect(outcome).toMatchObject({ state: 'serving', runId, swapped: { version: 8 }, evaluated: { runId } });
    expect(steps.map(({ kind }) => kind)).toEqual([
      'ingested',
      'progress',
      'trained',
      'evaluated',
      'swapped',
    ]);
    expect(steps[0]).toEqual({ kind: 'ingested', rows: 9, columns: 1, version: 2 });
  });

  it('ends where the data set is rejected', async () => {
    const { id: requestEventId, watch } = await newWatch();
    await publish(
      events.datasetRejected,
      'd',
      DatasetRejected.fromPartial({ requestEventId, code: 'RK_DATASET_EMPTY' }),
      id(),
    );
    expect(await watch.outcome).toMatchObject({
      state: 'dataset-rejected',
      rejection: { code: 'RK_DATASET_EMPTY' },
    });
    await watch.stop();
  });

  it('ends where the run failed', async () => {
    const { runId, watch } = await newWatch();
    await publish(events.runFailed, runId, RunFailed.fromPartial({ runId, code: 'RK_TRAIN_DIVERGED' }), id());
    expect(await watch.outcome).toMatchObject({ state: 'failed', failure: { code: 'RK_TRAIN_DIVERGED' } });
    await watch.stop();
  });

  it('ends where the gate rejects the model, but not where one replica could not load it', async () => {
    const { runId, steps, watch } = await newWatch();
    const serving = ModelRejected.fromPartial({
      runId,
      model: 'm',
      stage: RejectionStage.REJECTION_STAGE_SERVING,
      replica: 'r1',
    });
    await publish(events.modelRejected, 'm', serving, id());
    await publish(
      events.modelRejected,
      'm',
      ModelRejected.fromPartial({
        runId,
        model: 'm',
        stage: RejectionStage.REJECTION_STAGE_GATE,
        code: 'RK_GATE_FAILED',
      }),
      id(),
    );
    expect(await watch.outcome).toMatchObject({ state: 'rejected', rejection: { code: 'RK_GATE_FAILED' } });
    expect(steps).toHaveLength(2);
    await watch.stop();
  });
});

describe('a client', () => {
  it('says RK_BUS_UNAVAILABLE where no broker answers in time, and connects where one does later', async () => {
    const nowhere = new RookeryClient({
      addresses: { ...addressesFromEnvironment({}), nats: 'nats://127.0.0.1:9' },
      connectDeadlineMs: 200,
    });
    await expect(nowhere.bus()).rejects.toMatchObject({ code: 'RK_BUS_UNAVAILABLE' });
    await nowhere.close();
    const client = new RookeryClient({ addresses: { ...addressesFromEnvironment({}), nats: server.url } });
    expect((await client.bus()).status().connected).toBe(true);
    await client.close();
  });

  it('reports a service that does not answer with the status UNAVAILABLE', async () => {
    const client = new RookeryClient({
      addresses: { ...addressesFromEnvironment({}), registry: '127.0.0.1:9' },
    });
    await expect(client.runs()).rejects.toMatchObject({ code: 14 });
    await client.close();
  });

  it('says RK_DATASET_NOT_FOUND where the file to upload is not there', async () => {
    const client = new RookeryClient({
      addresses: { ...addressesFromEnvironment({}), ingest: '127.0.0.1:9' },
    });
    // Nothing listens there: the file is what is wrong first.
    const refused = client.upload('/nowhere/data.csv', { name: 'd', target: 't' });
    await expect(refused).rejects.toMatchObject({
      code: 'RK_DATASET_NOT_FOUND',
      message: expect.stringContaining('/nowhere/data.csv'),
    });
    await expect(client.upload('/', { name: 'd', target: 't' })).rejects.toMatchObject({
      code: 'RK_DATASET_NOT_FOUND',
    });
    await client.close();
  });
});
