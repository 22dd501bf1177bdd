import * as grpc from '@grpc/grpc-js';
import { collect, startNatsServer } from '@rookery/bus/testing';
import type { NatsServer } from '@rookery/bus/testing';
import { events } from '@rookery/contracts';
import { RejectionStage } from '@rookery/proto/rookery/events/v1/model';
import { InferenceServiceClient } from '@rookery/proto/rookery/inference/v1/inference';
import type { PredictStreamResponse } from '@rookery/proto/rookery/inference/v1/inference';
import type { Row, Value } from '@rookery/proto/rookery/domain/v1/data';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { rowOf, trainPackage } from './support/model-packages.js';
import type { TrainedPackage } from './support/model-packages.js';
import { connectRegistry, rookeryCode, startReplica, until } from './support/replica.js';
import type { Replica, TestRegistry } from './support/replica.js';

let first: TrainedPackage;
let second: TrainedPackage;
let mass: TrainedPackage;
beforeAll(async () => {
  first = await trainPackage({ model: 'penguins', seed: 1 });
  second = await trainPackage({ model: 'penguins', seed: 2 });
  mass = await trainPackage({ model: 'mass', target: 'body_mass_g' });
});

let nats: NatsServer;
let registry: TestRegistry;
const replicas: Replica[] = [];
const start = async (environment?: Record<string, string>): Promise<Replica> => {
  const replica = await startReplica(nats.url, environment);
  replicas.push(replica);
  return replica;
};
beforeEach(async () => {
  nats = await startNatsServer();
  registry = await connectRegistry(nats.url);
});
afterEach(async () => {
  for (const replica of replicas.splice(0)) await replica.stop();
  await registry.close();
  await nats.stop();
});

const servedRevision = async (replica: Replica, model = 'penguins'): Promise<number> =>
  (await replica.list()).models.find((one) => one.model === model)?.aliasRevision ?? 0;
const serves = (replica: Replica, revision: number, model?: string): Promise<void> =>
  until(`revision ${revision} serves`, async () => (await servedRevision(replica, model)) === revision);
const example = (pack: TrainedPackage, row = 5): Row => rowOf(pack.table, row, pack.features);
const text = (value: string): Value => ({ kind: { $case: 'text', value } });
const number = (value: number): Value => ({ kind: { $case: 'number', value } });

describe('a promotion', () => {
  it('is fetched, warmed up and served, and the swap is published with the trace and cause of the promotion', async () => {
    const replica = await start();
    await expect(replica.predict({ model: '', rows: [example(first)] })).rejects.toMatchObject({
      code: grpc.status.UNAVAILABLE,
    });

    const stored = await registry.store(first.pack);
    await registry.promote(stored, 1, 1);
    const [swapped] = await collect(registry.bus, events.inferenceSwapped, 1);
    expect(swapped!.data).toMatchObject({
      model: 'penguins',
      version: 1,
      previousVersion: 0,
      aliasRevision: 1,
      runId: 'run-1',
      engine: 'compiled',
    });
    expect(swapped!.data.publishedToServingMs).toBeGreaterThan(0);
    expect(swapped!.data.loadMs).toBeGreaterThan(0);
    expect(swapped!.causationId).toBe('promoted-penguins-1');

    const rows = [5, 150, 330].map((row) => example(first, row));
    const answer = await replica.predict({ model: '', rows });
    expect(answer).toMatchObject({ model: 'penguins', version: 1, classes: first.pack.signature!.classes });
    for (const [i, row] of [5, 150, 330].entries()) {
      const prediction = answer.predictions[i]!;
      const expected = first.outputs(row);
      expect(prediction.predictionId).toMatch(new RegExp(`^[A-Za-z0-9_-]{20}-${i}$`));
      prediction.probabilities.forEach((p, k) => expect(p).toBeCloseTo(expected[k]!, 5));
      expect(prediction.label).toBe(answer.classes[expected.indexOf(Math.max(...expected))]);
      expect(prediction.value).toBeUndefined();
    }
    const listed = await replica.list();
    expect(listed.models[0]).toMatchObject({
      model: 'penguins',
      version: 1,
      predictions: 3,
      signature: first.pack.signature,
    });
  });

  it('of a regression answers with a number in the unit of the target', async () => {
    const replica = await start();
    await registry.promote(await registry.store(mass.pack), 1, 1);
    await serves(replica, 1, 'mass');
    const answer = await replica.predict({ model: 'mass', rows: [example(mass)] });
    expect(answer.predictions[0]).toMatchObject({ label: '', probabilities: [] });
    expect(answer.predictions[0]!.value).toBeCloseTo(mass.outputs(5)[0]!, 1);
    expect(answer.predictions[0]!.value).toBeGreaterThan(1000);
  });

  it('of a lower or equal alias revision is ignored, and a rollback of a higher one serves the earlier version', async () => {
    const replica = await start();
    const one = await registry.store(first.pack);
    const two = await registry.store(second.pack);
    await registry.promote(two, 2, 5);
    await serves(replica, 5);
    await registry.promote(one, 1, 4);
    await registry.rollBack(one, 1, 6);
    await serves(replica, 6);
    const swaps = await collect(registry.bus, events.inferenceSwapped, 2);
    expect(swaps.map((event) => event.data.aliasRevision)).toEqual([5, 6]);
    expect((await replica.predict({ model: '', rows: [example(first)] })).version).toBe(1);
  });

  it('of a large network is served by onnxruntime, each caller getting the answers of the trained network', async () => {
    const big = await trainPackage({
      model: 'penguins',
      layers: [
        { type: 'dense', units: 128, activation: 'relu' },
        { type: 'dense', units: 96, activation: 'relu' },
        { type: 'dense', units: 3, activation: 'softmax' },
      ],
    });
    const replica = await start();
    await registry.promote(await registry.store(big.pack), 1, 1);
    const [swapped] = await collect(registry.bus, events.inferenceSwapped, 1);
    expect(swapped!.data).toMatchObject({ version: 1, engine: 'onnx' });
    const numbers = Array.from({ length: 40 }, (_, i) => i * 8);
    const answers = await Promise.all(
      numbers.map((row) => replica.predict({ model: '', rows: [example(big, row), example(big, row + 1)] })),
    );
    for (const [i, row] of numbers.entries()) {
      for (const [at, prediction] of answers[i]!.predictions.entries()) {
        const expected = big.outputs(row + at);
        const most = expected.indexOf(Math.max(...expected));
        expect(Math.abs(Math.max(...prediction.probabilities) - expected[most]!)).toBeLessThan(1e-5);
      }
    }
    // A swap to another engine, and away from it, under the same name.
    await registry.promote(await registry.store(first.pack), 2, 2);
    await serves(replica, 2);
    expect((await replica.predict({ model: '', rows: [example(first)] })).version).toBe(2);
  });

  it('of another alias is not served', async () => {
    const stored = await registry.store(first.pack);
    await registry.promote(stored, 1, 1);
    await registry.promote(await registry.store(second.pack), 2, 9, 'shadow');
    const replica = await start();
    expect(await servedRevision(replica)).toBe(1);
  });
});

describe('a replica that starts late', () => {
  it('serves the last promotion or rollback of each model, with no registry', async () => {
    const one = await registry.store(first.pack);
    await registry.promote(one, 1, 1);
    await registry.promote(await registry.store(second.pack), 2, 2);
    await registry.rollBack(one, 1, 3);
    await registry.promote(await registry.store(mass.pack), 7, 1);
    const replica = await start();
    const { models } = await replica.list();
    expect(models.map(({ model, version, aliasRevision }) => [model, version, aliasRevision])).toEqual([
      ['mass', 7, 1],
      ['penguins', 1, 3],
    ]);
    await expect(replica.predict({ model: '', rows: [example(first)] })).rejects.toSatisfy(
      (e) => rookeryCode(e) === 'RK_MODEL_AMBIGUOUS',
    );
    await expect(replica.predict({ model: 'whales', rows: [example(first)] })).rejects.toSatisfy(
      (e) => rookeryCode(e) === 'RK_MODEL_NOT_FOUND',
    );
  });

  it('serves the highest revision, where an older promotion was published again after it', async () => {
    const stored = await registry.store(first.pack);
    await registry.promote(stored, 1, 1);
    await registry.promote(await registry.store(second.pack), 2, 2);
    // By another message id: beyond the window in which the broker knows it again.
    await registry.promote(stored, 1, 1, 'champion');
    const replica = await start();
    expect((await replica.list()).models).toMatchObject([{ version: 2, aliasRevision: 2 }]);
  });

  it('falls back to the promotion before, where the last one can not be served', async () => {
    await registry.promote(await registry.store(first.pack), 1, 1);
    const wrong = { ...second.pack, golden: [{ ...second.pack.golden[0]!, outputs: [0.2, 0.3, 0.5] }] };
    await registry.promote(await registry.store(wrong), 2, 2);
    const replica = await start();
    expect(await servedRevision(replica)).toBe(1);
    const [rejected] = await collect(registry.bus, events.modelRejected, 1);
    expect(rejected!.data).toMatchObject({ version: 2, code: 'RK_MODEL_WARMUP' });
  });
});

describe('a model that can not be served', () => {
  it('is refused with its reason while the old one keeps serving', async () => {
    const replica = await start();
    await registry.promote(await registry.store(first.pack), 1, 1);
    await serves(replica, 1);
    const { tensors } = (await replica.list()).models[0]!;

    const weights = Buffer.from(second.pack.trained!.weights);
    const refusals: [string, TrainedPackage['pack']][] = [
      [
        'RK_MODEL_WARMUP',
        { ...second.pack, golden: [{ ...second.pack.golden[0]!, outputs: [0.2, 0.3, 0.5] }] },
      ],
      [
        'RK_MODEL_CORRUPT',
        { ...second.pack, trained: { ...second.pack.trained!, weights: weights.subarray(4) } },
      ],
      ['RK_MODEL_CORRUPT', { ...second.pack, transformerJson: '{' }],
      ['RK_MODEL_CORRUPT', { ...second.pack, transformerJson: '{}' }],
      ['RK_MODEL_CORRUPT', { ...second.pack, signature: undefined }],
      ['RK_MODEL_CORRUPT', { ...second.pack, trained: { ...second.pack.trained!, topologyJson: '{}' } }],
    ];
    for (const [i, [, pack]] of refusals.entries()) {
      await registry.promote(await registry.store(pack), i + 2, i + 2);
      await collect(registry.bus, events.modelRejected, i + 1);
    }
    const notThere = { model: 'penguins', ref: { sha256: 'ab'.repeat(32), bytes: 1, mediaType: '' } };
    await registry.promote(notThere, 90, 90);
    const garbage = await registry.artifacts.put(Buffer.from([0xff, 0xff, 0xff]), 'application/x-protobuf');
    await collect(registry.bus, events.modelRejected, refusals.length + 1);
    await registry.promote({ model: 'penguins', ref: garbage }, 91, 91);

    const rejected = await collect(registry.bus, events.modelRejected, refusals.length + 2);
    expect(rejected.map((event) => event.data.code)).toEqual([
      ...refusals.map(([code]) => code),
      'RK_ARTIFACT_NOT_FOUND',
      'RK_MODEL_CORRUPT',
    ]);
    const { replica: name } = await replica.list();
    for (const { data } of rejected) {
      expect(data).toMatchObject({
        model: 'penguins',
        stage: RejectionStage.REJECTION_STAGE_SERVING,
        replica: name,
      });
      expect(data.reasons[0]).not.toBe('');
    }
    expect((await replica.predict({ model: '', rows: [example(first)] })).version).toBe(1);
    expect((await replica.list()).models[0]!.tensors).toBe(tensors);

    await registry.promote(await registry.store(second.pack), 92, 92);
    await serves(replica, 92);
  });
});

describe('300 swaps under traffic', () => {
  it('fail no call, never go back on a connection, and leave no tensor behind', async () => {
    const replica = await start();
    const stored = [await registry.store(first.pack), await registry.store(second.pack)];
    await registry.promote(stored[0]!, 1, 1);
    await serves(replica, 1);
    const { tensors } = (await replica.list()).models[0]!;

    let going = true;
    let calls = 0;
    const versions: number[][] = [[], [], [], []];
    // The last worker's calls are answered in slices: they span several turns, and often a swap.
    const traffic = versions.map(async (seen, worker) => {
      const big = Array.from({ length: worker === 3 ? 300 : 1 }, (_, i) => example(first, i % 300));
      while (going) {
        const answer = await replica.predict({ model: '', rows: big });
        seen.push(answer.version);
        calls += 1;
        const expected = (answer.version % 2 === 1 ? first : second).outputs(0);
        const { probabilities } = answer.predictions[0]!;
        if (probabilities.some((p, k) => Math.abs(p - expected[k]!) > 1e-5)) {
          throw new Error(
            `version ${answer.version} answers ${probabilities.join()}, not ${expected.join()}`,
          );
        }
      }
    });
    for (let revision = 2; revision <= 301; revision += 1) {
      await registry.promote(stored[(revision + 1) % 2]!, revision, revision);
      await serves(replica, revision);
    }
    going = false;
    await Promise.all(traffic);

    expect(calls).toBeGreaterThan(300);
    for (const seen of versions) expect(seen).toEqual([...seen].sort((a, b) => a - b));
    const swaps = await collect(registry.bus, events.inferenceSwapped, 301);
    expect(swaps.map((event) => event.data.aliasRevision)).toEqual(
      Array.from({ length: 301 }, (_, i) => i + 1),
    );
    expect((await replica.list()).models[0]).toMatchObject({ tensors, aliasRevision: 301 });
  }, 120_000);
});

describe('Predict', () => {
  it('refuses bad rows by code, row and feature, and goes on serving', async () => {
    const replica = await start({ ROOKERY_MAX_PREDICT_ROWS: '700' });
    await registry.promote(await registry.store(first.pack), 1, 1);
    await serves(replica, 1);
    const good = example(first);
    const without = {
      values: Object.fromEntries(Object.entries(good.values).filter(([name]) => name !== 'island')),
    };
    const cases: [Row[], string, grpc.status][] = [
      [[], 'RK_PREDICT_NO_ROWS', grpc.status.INVALID_ARGUMENT],
      [Array.from({ length: 701 }, () => good), 'RK_PREDICT_TOO_MANY_ROWS', grpc.status.RESOURCE_EXHAUSTED],
      [[good, without], 'RK_FEATURE_MISSING', grpc.status.INVALID_ARGUMENT],
      [
        [{ values: { ...good.values, wings: number(2) } }],
        'RK_FEATURE_UNKNOWN',
        grpc.status.INVALID_ARGUMENT,
      ],
      [[{ values: { ...good.values, island: number(1) } }], 'RK_FEATURE_TYPE', grpc.status.INVALID_ARGUMENT],
      [
        [{ values: { ...good.values, body_mass_g: number(NaN) } }],
        'RK_FEATURE_NOT_FINITE',
        grpc.status.INVALID_ARGUMENT,
      ],
      [
        [...Array.from({ length: 600 }, () => good), { values: {} }],
        'RK_FEATURE_MISSING',
        grpc.status.INVALID_ARGUMENT,
      ],
    ];
    for (const [rows, code, status] of cases) {
      const error = await replica.predict({ model: '', rows }).then(
        () => undefined,
        (thrown: unknown) => thrown as grpc.ServiceError,
      );
      expect([rookeryCode(error), error?.code]).toEqual([code, status]);
    }
    const strange = { values: { ...good.values, island: text('Atlantis'), sex: { kind: undefined } } };
    expect((await replica.predict({ model: '', rows: [strange] })).predictions).toHaveLength(1);
    expect((await replica.list()).models[0]!.predictions).toBe(1);
  });

  it('refuses calls beyond the queue limit and answers those within it', async () => {
    const replica = await start({ ROOKERY_QUEUE_LIMIT: '2' });
    await registry.promote(await registry.store(first.pack), 1, 1);
    await serves(replica, 1);
    const rows = Array.from({ length: 5000 }, (_, i) => example(first, i % 300));
    const results = await Promise.allSettled(
      Array.from({ length: 12 }, () => replica.predict({ model: '', rows })),
    );
    const codes = results.map((result) =>
      result.status === 'fulfilled' ? 'OK' : rookeryCode(result.reason),
    );
    expect(codes).toContain('OK');
    expect(codes.every((code) => code === 'OK' || code === 'RK_OVERLOADED')).toBe(true);
    expect((await replica.predict({ model: '', rows: rows.slice(0, 300) })).predictions).toHaveLength(300);
  });
});

describe('PredictStream', () => {
  it('answers in order, with errors inside the stream, beyond what the connection buffers', async () => {
    const replica = await start();
    await registry.promote(await registry.store(first.pack), 1, 1);
    await serves(replica, 1);
    const stream = replica.client.predictStream();
    const received: PredictStreamResponse[] = [];
    const ended = new Promise<void>((resolve, reject) => {
      stream.on('data', (message: PredictStreamResponse) => received.push(message));
      stream.on('error', reject);
      stream.on('end', resolve);
    });
    const total = 300;
    for (let i = 0; i < total; i += 1) {
      const rows =
        i % 10 === 3
          ? [{ values: {} }]
          : Array.from({ length: i % 50 === 0 ? 400 : 3 }, (_, r) => example(first, r));
      stream.write({ requestId: `r${i}`, request: { model: '', rows } });
    }
    stream.end();
    await ended;
    expect(received.map((message) => message.requestId)).toEqual(
      Array.from({ length: total }, (_, i) => `r${i}`),
    );
    for (const [i, { result }] of received.entries()) {
      if (i % 10 === 3)
        expect(result).toMatchObject({ $case: 'error', value: { code: 'RK_FEATURE_MISSING' } });
      else expect(result).toMatchObject({ $case: 'response', value: { version: 1 } });
    }
  });
});

describe('a caller of PredictStream that does not read its answers', () => {
  it('is not read from either: what the replica holds for it is bounded, and all is answered once it reads', async () => {
    const replica = await start();
    await registry.promote(await registry.store(first.pack), 1, 1);
    await serves(replica, 1);
    const predictions = async (): Promise<number> => (await replica.list()).models[0]!.predictions;
    // A connection of its own: what nobody reads fills the window that all calls of a connection share.
    const slow = new InferenceServiceClient(`127.0.0.1:${replica.port}`, grpc.credentials.createInsecure(), {
      'grpc.use_local_subchannel_pool': 1,
    });
    const stream = slow.predictStream();
    const received: string[] = [];
    const ended = new Promise<void>((resolve, reject) => {
      stream.on('error', reject);
      stream.on('end', resolve);
    });
    // Begins to read, and stops: before its first look the client would take everything in by itself.
    stream.on('data', (message: PredictStreamResponse) => {
      if (received.push(message.requestId) === 1) stream.pause();
    });
    // About 5 KiB a request, 15 KiB an answer: 12 MiB that nobody reads.
    const total = 800;
    const rows = Array.from({ length: 100 }, (_, r) => example(first, r));
    for (let i = 0; i < total; i += 1) stream.write({ requestId: `r${i}`, request: { model: '', rows } });
    stream.end();

    // Calls go in between the requests of the stream: where twenty in a row find it standing, it stands.
    let before = -1;
    let standing = 0;
    await until('the replica has stopped answering the stream', async () => {
      const now = await predictions();
      standing = now === before && now > 0 ? standing + 1 : 0;
      before = now;
      return standing >= 20;
    });
    expect(before).toBeLessThan((total * rows.length) / 4);

    stream.resume();
    await ended;
    slow.close();
    expect(received).toEqual(Array.from({ length: total }, (_, i) => `r${i}`));
    expect(await predictions()).toBe(total * rows.length);
  }, 60_000);
});

describe('captures', () => {
  it('hold every answered prediction once, with its values, outputs and version', async () => {
    const replica = await start();
    await registry.promote(await registry.store(first.pack), 1, 1);
    await serves(replica, 1);
    const sent: string[] = [];
    for (let i = 0; i < 20; i += 1) {
      const rows = Array.from({ length: 40 }, (_, r) => example(first, (i * 40 + r) % 340));
      for (const one of (await replica.predict({ model: '', rows })).predictions) sent.push(one.predictionId);
    }
    await until('all captures are published', async () => (await replica.list()).capture!.published === 800);
    const batches = await collect(registry.bus, events.predictionCaptured, 1).then(async () => {
      const all: string[] = [];
      let batch = 0;
      const reading = await registry.bus.replay(events.predictionCaptured, {
        untilCaughtUp: true,
        onEvent: ({ data }) => {
          expect(data.batch).toBe((batch += 1));
          expect(data).toMatchObject({
            model: 'penguins',
            version: 1,
            droppedTotal: 0,
            features: first.features,
            classes: first.pack.signature!.classes,
          });
          for (const one of data.predictions) {
            all.push(one.predictionId);
            expect(one.values).toHaveLength(first.features.length);
            expect(data.classes).toContain(one.label);
            expect(one.outputs).toHaveLength(3);
          }
        },
      });
      await reading.done;
      return all;
    });
    expect(batches.sort()).toEqual(sent.sort());
  });

  it('wait within their bounds while the bus is frozen: no call fails, the oldest are dropped, and all are accounted for', async () => {
    const replica = await start({ ROOKERY_CAPTURE_BUFFER: '400' });
    await registry.promote(await registry.store(first.pack), 1, 1);
    await serves(replica, 1);
    const rows = [example(first), example(first, 200)];
    const ids: string[] = [];
    const predictSome = async (calls: number): Promise<void> => {
      for (let i = 0; i < calls; i += 1) {
        const { predictions } = await replica.predict({ model: '', rows });
        ids.push(...predictions.map((one) => one.predictionId));
      }
    };
    await predictSome(20);
    await until('the first are published', async () => (await replica.list()).capture!.published === 40);
    nats.signal('SIGSTOP');
    try {
      await predictSome(600);
      const during = (await replica.list()).capture!;
      expect(during.captured + during.dropped).toBe(ids.length);
      expect(during.buffered).toBeLessThanOrEqual(400);
      expect(during.dropped).toBeGreaterThanOrEqual(1_240 - 40 - 400);
    } finally {
      nats.signal('SIGCONT');
    }
    await predictSome(10);
    await until('the buffer is sent', async () => (await replica.list()).capture!.buffered === 0, 25_000);

    const after = (await replica.list()).capture!;
    expect(after.published + after.dropped).toBe(ids.length);
    await until('the reader of this test is connected again', () => registry.bus.status().connected);
    const stored: string[] = [];
    const reading = await registry.bus.replay(events.predictionCaptured, {
      untilCaughtUp: true,
      onEvent: ({ data }) => void stored.push(...data.predictions.map((one) => one.predictionId)),
    });
    await reading.done;
    expect(stored).toHaveLength(after.published);
    expect(new Set(stored).size).toBe(stored.length);
    // The newest that came while it was frozen are there: the oldest of those that waited went.
    const newest = ids.slice(-200);
    expect(newest.filter((id) => !stored.includes(id))).toEqual([]);
  }, 60_000);

  it('survive a crash of the bus: no prediction fails, and each capture arrives once or is counted as dropped', async () => {
    const replica = await start({ ROOKERY_CAPTURE_BUFFER: '300' });
    await registry.promote(await registry.store(first.pack), 1, 1);
    await serves(replica, 1);
    const rows = [example(first), example(first, 200)];
    let answered = 0;
    const predictSome = async (calls: number): Promise<void> => {
      for (let i = 0; i < calls; i += 1)
        answered += (await replica.predict({ model: '', rows })).predictions.length;
    };
    await predictSome(50);
    await nats.kill();
    await predictSome(400);
    const during = (await replica.list()).capture!;
    expect(during.captured + during.dropped).toBe(answered);
    expect(during.dropped).toBeGreaterThan(0);
    expect(during.buffered).toBeLessThanOrEqual(300);
    await nats.restart();
    await predictSome(50);
    await until('the buffer is sent', async () => (await replica.list()).capture!.buffered === 0, 20_000);

    await until('the reader of this test is connected again', () => registry.bus.status().connected);
    await registry.bus.nc.flush();
    const after = (await replica.list()).capture!;
    const ids: string[] = [];
    const reading = await registry.bus.replay(events.predictionCaptured, {
      untilCaughtUp: true,
      onEvent: ({ data }) => void ids.push(...data.predictions.map((one) => one.predictionId)),
    });
    await reading.done;
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.length).toBe(after.published);
    expect(after.published + after.dropped).toBe(answered);

    await registry.promote(await registry.store(second.pack), 2, 2);
    await serves(replica, 2);
  });
});
