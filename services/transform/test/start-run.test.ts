import { connectBus, createOutbox } from '@rookery/bus';
import type { Bus } from '@rookery/bus';
import { collect, startNatsServer } from '@rookery/bus/testing';
import type { NatsServer } from '@rookery/bus/testing';
import { decodeRowNumbers, events, runIdOf } from '@rookery/contracts';
import { noPlugins } from '@rookery/plugin';
import { FoldBundle } from '@rookery/proto/rookery/artifacts/v1/artifacts';
import { Row } from '@rookery/proto/rookery/domain/v1/data';
import type { Value } from '@rookery/proto/rookery/domain/v1/data';
import { rowAt, transformRows } from '@rookery/tabular';
import type { FittedTransformer } from '@rookery/tabular';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';

import { planCollection } from '../src/adapters/plan-collection.js';
import { applyTransformer } from '../src/application/apply-transformer.js';
import { startRun } from '../src/application/start-run.js';
import type { StartRunPorts } from '../src/application/start-run.js';
import { delivered, flowers, ingested, openFolder } from './world.js';

let server: NatsServer;
let bus: Bus;
let folder: Awaited<ReturnType<typeof openFolder>>;
let ports: StartRunPorts;
let serial = 0;
let requestId: string;
/** A call that nobody cancels. */
const waiting = { signal: new AbortController().signal };

beforeAll(async () => {
  server = await startNatsServer();
  bus = await connectBus({ url: server.url, name: 'transform' });
  await bus.ensureTopology();
});
afterAll(async () => {
  await bus.close();
  await server.stop();
});
beforeEach(async () => {
  serial += 1;
  requestId = `request-${serial}`;
  folder = await openFolder();
  ports = {
    plans: await planCollection(folder.store),
    artifacts: folder.artifacts,
    outbox: createOutbox(bus),
    bus,
    plugins: noPlugins(),
    mode: 'development',
    codeVersion: '1.2.3',
    search: () => Promise.reject(new Error('no request here has a search')),
  };
});
afterEach(() => folder.close());

/** Events of a run that the bus has stored by now. */
async function stored(): Promise<{ started: number; jobs: string[] }> {
  const runId = runIdOf(requestId);
  const seen = { started: 0, jobs: [] as string[] };
  const started = await bus.replay(events.runStarted, {
    key: runId,
    onEvent: () => void (seen.started += 1),
  });
  const jobs = await bus.replay(events.foldJob, {
    onEvent: ({ key }) => void (key.startsWith(runId) && seen.jobs.push(key)),
  });
  await Promise.all([started.done, jobs.done]);
  return seen;
}

describe('an ingested data set', () => {
  test('becomes one run with a job for each fold and the final one, each with its bundle', async () => {
    const table = flowers();
    const data = await ingested(
      folder.artifacts,
      table,
      { folds: 3, tags: { '': 'odd', team: 'a' } },
      requestId,
    );
    await startRun(ports)(delivered(data));
    const runId = runIdOf(requestId);
    expect(await stored()).toEqual({
      started: 1,
      jobs: [`${runId}-f0`, `${runId}-f1`, `${runId}-f2`, `${runId}-final`],
    });
    const plan = await ports.plans.findOne({ _id: runId });
    expect(plan?.outbox).toEqual([]);
    expect(plan?.bundles).toHaveLength(4);
    const bundles = await Promise.all(
      (plan?.bundles ?? []).map(async ({ sha256 }) => FoldBundle.decode(await folder.artifacts.get(sha256))),
    );
    expect(bundles.map(({ fold, final }) => [fold, final])).toEqual([
      [0, false],
      [1, false],
      [2, false],
      [3, true],
    ]);
    const heldOut = bundles.flatMap(({ testRows }) => [...decodeRowNumbers(testRows)]).sort((a, b) => a - b);
    expect(heldOut).toEqual(Array.from({ length: table.rows }, (_, row) => row));
  });

  test('delivered again, also at the same time, announces nothing new', async () => {
    const data = await ingested(folder.artifacts, flowers(), { folds: 2 }, requestId);
    const handle = startRun(ports);
    await Promise.all([handle(delivered(data)), handle(delivered(data, 2))]);
    await handle(delivered(data, 3));
    expect(await stored()).toMatchObject({ started: 1 });
    expect((await stored()).jobs).toHaveLength(3);
  });

  test('planned by another process gives the same bundles to the byte', async () => {
    const other = await openFolder();
    try {
      const shas = async (at: typeof folder, outbox = ports.outbox): Promise<unknown> => {
        const plans = await planCollection(at.store);
        const data = await ingested(at.artifacts, flowers(), {}, requestId);
        await startRun({ ...ports, plans, artifacts: at.artifacts, outbox })(delivered(data));
        return (await plans.findOne({ _id: runIdOf(requestId) }))?.bundles;
      };
      expect(await shas(other)).toEqual(await shas(folder));
    } finally {
      await other.close();
    }
  });

  test('saved but not announced before a crash is announced by the next start', async () => {
    const broken = createOutbox({ publishEncoded: () => Promise.reject(new Error('killed here')) });
    const data = await ingested(folder.artifacts, flowers(), { folds: 2 }, requestId);
    await expect(startRun({ ...ports, outbox: broken })(delivered(data))).rejects.toThrow('killed here');
    expect(await stored()).toEqual({ started: 0, jobs: [] });
    expect(await ports.outbox.recover(ports.plans)).toBe(1);
    expect(await stored()).toMatchObject({ started: 1 });
    expect((await stored()).jobs).toHaveLength(3);
  });

  test.each([
    ['request_event_id', { requestEventId: '' }],
    ['request', { request: undefined }],
    ['artifact.sha256', { artifact: undefined }],
  ])('without its %s is refused by that name', async (field, fields) => {
    const data = { ...(await ingested(folder.artifacts, flowers(), {}, requestId)), ...fields };
    await expect(startRun(ports)(delivered(data))).rejects.toMatchObject({
      code: 'RK_MESSAGE_MISSING_FIELD',
      details: { field },
    });
  });

  test('whose artifact is gone ends as a dead letter, with no run begun', async () => {
    const data = await ingested(folder.artifacts, flowers(), {}, requestId);
    const sha256 = 'f'.repeat(64);
    const consumption = await bus.consume(events.datasetIngested, {
      durable: `transform-${serial}`,
      handler: startRun(ports),
      retryDelay: () => 1,
    });
    try {
      await bus.publish(
        events.datasetIngested,
        'flowers',
        { ...data, artifact: { sha256, bytes: 1, mediaType: 'application/octet-stream' } },
        { id: `gone-${serial}` },
      );
      const [letter] = await collect(bus, events.deadLetter, 1);
      expect(letter?.data).toMatchObject({ code: 'RK_ARTIFACT_NOT_FOUND', consumer: `transform-${serial}` });
      expect(letter?.data.message).toContain(sha256);
      expect(await stored()).toEqual({ started: 0, jobs: [] });
    } finally {
      await consumption.stop();
    }
  });
});

describe('Apply', () => {
  const toRow = (cells: Record<string, unknown>): Row => {
    const values: Record<string, Value> = {};
    for (const [name, cell] of Object.entries(cells)) {
      if (typeof cell === 'number') values[name] = { kind: { $case: 'number', value: cell } };
      else if (typeof cell === 'string') values[name] = { kind: { $case: 'text', value: cell } };
      else values[name] = { kind: undefined };
    }
    return Row.fromPartial({ values });
  };

  test('gives the floats that training sees, for a fold and for the final model', async () => {
    const table = flowers();
    const data = await ingested(folder.artifacts, table, { folds: 3 }, requestId);
    await startRun(ports)(delivered(data));
    const runId = runIdOf(requestId);
    const apply = applyTransformer(ports);
    const rows = [0, 3, 5, 6].map((row) => toRow(rowAt(table, row)));
    const plan = await ports.plans.findOne({ _id: runId });
    for (const fold of [0, 1, 2, undefined]) {
      const bytes = await folder.artifacts.get(plan?.bundles?.[fold ?? 3]?.sha256 ?? '');
      const fitted = JSON.parse(FoldBundle.decode(bytes).transformerJson) as FittedTransformer;
      const answer = await apply({ runId, fold, rows }, waiting);
      expect(answer.featureNames).toEqual(fitted.featureNames);
      expect(Float32Array.from(answer.values)).toEqual(transformRows(fitted, table, [0, 3, 5, 6]).data);
    }
    await expect(apply({ runId, fold: 4, rows }, waiting)).rejects.toMatchObject({
      code: 'RK_FOLDS_INVALID',
    });
  });

  test.each([
    ['no rows', { runId: 'run-x', rows: [] }, 'RK_PREDICT_NO_ROWS'],
    [
      'too many rows',
      { runId: 'run-x', rows: Array.from({ length: 10_001 }, () => Row.create()) },
      'RK_PREDICT_TOO_MANY_ROWS',
    ],
    ['an unknown run', { runId: 'run-x', rows: [Row.create()] }, 'RK_RUN_NOT_FOUND'],
    ['no run', { runId: '', rows: [Row.create()] }, 'RK_RUN_NOT_FOUND'],
  ])('refuses %s with its code', async (_, request, code) => {
    const answer = applyTransformer(ports)({ fold: undefined, ...request }, waiting);
    await expect(answer).rejects.toMatchObject({ code });
  });
});
