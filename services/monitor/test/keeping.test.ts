import { events } from '@rookery/contracts';
import type { BusEvent } from '@rookery/bus';
import type { LabelReceived } from '@rookery/proto/rookery/events/v1/dataset';
import type { PredictionsCaptured } from '@rookery/proto/rookery/events/v1/monitoring';
import { ListPredictionsRequest } from '@rookery/proto/rookery/monitor/v1/monitor';
import type { Store } from '@rookery/store';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { openCollections } from '../src/adapters/collections.js';
import type { Collections } from '../src/adapters/collections.js';
import { referenceReader } from '../src/adapters/reference-reader.js';
import { CaptureSignal } from '../src/application/capture-signal.js';
import { keepCaptures } from '../src/application/keep-captures.js';
import { keepLabel } from '../src/application/keep-labels.js';
import { keepChampion, keepRegistered } from '../src/application/keep-models.js';
import { listPredictions } from '../src/application/list-predictions.js';
import { monitorStatus } from '../src/application/monitor-status.js';
import { isReady } from '../src/application/report-requests.js';
import { createReporter } from '../src/application/reporter.js';
import type { Reporter } from '../src/application/reporter.js';
import { startSchedule } from '../src/application/schedule.js';
import type { ScheduleOptions } from '../src/application/schedule.js';
import {
  captured,
  delivered,
  draw,
  openFolder,
  promoted,
  quiet,
  recorder,
  registered,
  species,
} from './fixtures.js';

let folder: Awaited<ReturnType<typeof openFolder>>;
let databases = 0;

beforeAll(async () => {
  folder = await openFolder();
});
afterAll(() => folder.close());

interface Parts {
  readonly store: Store;
  readonly collections: Collections;
  readonly reporter: Reporter;
  readonly of: ReturnType<typeof recorder>['of'];
  take(batch: PredictionsCaptured): Promise<void>;
  label(event: BusEvent<LabelReceived>): Promise<void>;
  register(version?: number): Promise<void>;
}

/** The monitor's handlers over an empty store; `noticed` counts what the schedule is told. */
async function monitor(
  options: { keep?: number; noticed?: (predictions: number) => void; database?: string } = {},
): Promise<Parts> {
  const store = await folder.open(options.database ?? `monitor${(databases += 1)}`);
  const collections = await openCollections(store);
  const captureSignal = new CaptureSignal();
  const { outbox, of } = recorder();
  const reporter = createReporter({
    collections,
    references: referenceReader(folder.artifacts),
    outbox,
    clock: () => 1_700_000_000_000,
    window: 1_000,
    driftShare: 0.5,
  });
  const keep = keepCaptures({
    collections,
    captured: captureSignal,
    schedule: { noticed: (_model, _version, predictions) => options.noticed?.(predictions) },
    keep: options.keep ?? 100_000,
    clock: () => 1_700_000_000_000,
  });
  const keepVersion = keepRegistered({ collections, captured: captureSignal });
  return {
    store,
    collections,
    reporter,
    of,
    take: (batch) => keep(delivered(events.predictionCaptured, batch)),
    label: keepLabel(collections),
    register: (version = 1) =>
      keepVersion(delivered(events.modelRegistered, registered('penguins', version, folder.reference))),
  };
}

const labelled = (predictionId: string, label: string, more: Partial<BusEvent<LabelReceived>> = {}) =>
  delivered(events.labelReceived, { predictionId, label, model: 'penguins', labels: [] }, more);

const list = async (collections: Collections, labelledOnly?: boolean) =>
  (
    await listPredictions(collections)(
      ListPredictionsRequest.fromPartial({ limit: 10_000, labelled: labelledOnly }),
    )
  ).predictions;

const statusOf = async (collections: Collections, model = 'penguins') =>
  (await monitorStatus(collections)({ model })).models;

describe('captures and labels', () => {
  test('give the same view in whatever order and however often they come', async () => {
    const batches = [1, 2, 3].map((batch) => captured(draw(4, batch), { batch }));
    const deliveries = [
      ...batches.map((batch) => ({ kind: 'batch' as const, batch })),
      // The second label of one prediction is the later one; a label of a prediction that never comes waits.
      ...[
        labelled('life1-1-0', 'Adelie'),
        labelled('life1-3-2', 'Gentoo'),
        labelled('life1-1-0', 'Chinstrap'),
        labelled('nobody-1-0', 'Gentoo'),
      ].map((event) => ({ kind: 'label' as const, event })),
    ];
    const order = fc
      .tuple(
        fc.array(fc.constantFrom(...deliveries), { maxLength: 5 }),
        fc.shuffledSubarray(deliveries, { minLength: deliveries.length }),
        fc.array(fc.constantFrom(...deliveries), { maxLength: 5 }),
      )
      .map((parts) => parts.flat());
    let first: unknown;
    await fc.assert(
      fc.asyncProperty(order, fc.boolean(), async (sequence, together) => {
        let noticed = 0;
        const parts = await monitor({ noticed: (predictions) => (noticed += predictions) });
        await parts.register();
        const run = (delivery: (typeof deliveries)[number]): Promise<void> =>
          delivery.kind === 'batch' ? parts.take(delivery.batch) : parts.label(delivery.event);
        if (together) await Promise.all(sequence.map(run));
        else for (const delivery of sequence) await run(delivery);
        expect(noticed).toBe(12);
        const report = await parts.reporter.report({
          model: 'penguins',
          version: 1,
          trigger: 'count',
          occasion: '12',
        });
        const view = {
          predictions: await list(parts.collections),
          status: await statusOf(parts.collections),
          report,
        };
        expect(view.predictions).toHaveLength(12);
        expect(view.predictions.find(({ predictionId }) => predictionId === 'life1-1-0')?.truth).toBe(
          'Chinstrap',
        );
        expect(view.status[0]).toMatchObject({ captured: 12, labelled: 2, waitingLabels: 1, lostBatches: 0 });
        expect(report.labelled).toBe(2);
        const { lastReportId: _, ...status } = view.status[0]!;
        first ??= { ...view, status };
        expect({ ...view, status }).toEqual(first);
      }),
      { numRuns: 25 },
    );
  });

  test('of two labels at the same instant the one later in the log counts', async () => {
    for (const order of [
      [0, 1],
      [1, 0],
    ]) {
      const parts = await monitor();
      const time = new Date(1_700_000_000_000);
      const both = [
        labelled('life1-1-0', 'Adelie', { time, sequence: 7 }),
        labelled('life1-1-0', 'Gentoo', { time, sequence: 8 }),
      ];
      for (const at of order) await parts.label(both[at]!);
      await parts.take(captured(draw(1, 1)));
      expect((await list(parts.collections))[0]?.truth).toBe('Gentoo');
    }
  });

  test('counted but not kept before a crash are kept, and not counted again, by the redelivery', async () => {
    const parts = await monitor();
    await parts.register();
    const batch = captured(draw(3, 1));
    const { captures } = parts.collections;
    const insertMany = captures.insertMany.bind(captures);
    captures.insertMany = () => Promise.reject(new Error('killed here'));
    await expect(parts.take(batch)).rejects.toThrow('killed here');
    captures.insertMany = insertMany;
    await parts.take(batch);
    expect(await list(parts.collections)).toHaveLength(3);
    expect((await statusOf(parts.collections))[0]).toMatchObject({ captured: 3 });
  });

  test('counted but not kept yet are not enough for a report that waits for them', async () => {
    const parts = await monitor();
    await parts.register();
    const batch = captured(draw(3, 1));
    const request = {
      model: batch.model,
      version: batch.version,
      window: 0,
      minPredictions: 3,
      waitMs: 1_000,
    };
    const { captures } = parts.collections;
    const insertMany = captures.insertMany.bind(captures);
    const between: boolean[] = [];
    captures.insertMany = async (...documents) => {
      between.push(await isReady(parts.collections, request));
      return insertMany(...documents);
    };
    await parts.take(batch);
    expect(between).toEqual([false]);
    expect(await isReady(parts.collections, request)).toBe(true);
  });

  test('are counted right across a restart, by life and by version, with what is lost and dropped', async () => {
    const database = 'restarted';
    let parts = await monitor({ database });
    await parts.register();
    await parts.register(2);
    await parts.take(captured(draw(5, 1), { batch: 1 }));
    await parts.take(captured(draw(5, 2), { batch: 4, dropped: 7 }));
    await parts.store.close();
    parts = await monitor({ database });
    await parts.take(captured(draw(5, 1), { batch: 1 }));
    await parts.take(captured(draw(2, 3), { life: 'life2', batch: 1, version: 2 }));
    const models = await statusOf(parts.collections);
    expect(
      models.map(({ version, captured: count, lostBatches, dropped }) => [
        version,
        count,
        lostBatches,
        dropped,
      ]),
    ).toEqual([
      [2, 2, 0, 0],
      [1, 10, 2, 7],
    ]);
  });

  test('of two models are kept apart', async () => {
    const parts = await monitor();
    await parts.take(captured(draw(3, 1), { model: 'a', life: 'one' }));
    await parts.take(captured(draw(2, 1), { model: 'b', life: 'one', batch: 2 }));
    const only = await listPredictions(parts.collections)(ListPredictionsRequest.fromPartial({ model: 'b' }));
    expect(only.predictions.map(({ model }) => model)).toEqual(['b', 'b']);
    const replica = await parts.collections.replicas.findOne({ _id: 'one' });
    expect(replica?.counts).toEqual({ 'a@1': 3, 'b@1': 2 });
  });

  test('beyond what is kept go oldest first, with their labels; the counts stay', async () => {
    const parts = await monitor({ keep: 4_000 });
    await parts.register();
    const thousand = draw(1_000, 1);
    await parts.label(labelled('life1-1-0', 'Adelie'));
    await parts.label(labelled('life1-5-0', 'Adelie'));
    await parts.label(labelled('long-ago-0', 'Adelie', { time: new Date(1_690_000_000_000) }));
    for (let batch = 1; batch <= 5; batch++) await parts.take(captured(thousand, { batch }));
    expect((await parts.collections.captures.find()).map(({ _id }) => _id)).toEqual(
      [2, 3, 4, 5].map((n) => `life1-${n}`),
    );
    expect((await parts.collections.labels.find()).map(({ _id }) => _id)).toEqual(['life1-5-0']);
    expect((await statusOf(parts.collections))[0]).toMatchObject({
      captured: 5_000,
      labelled: 1,
      waitingLabels: 0,
    });
  });

  test('beyond what is kept go again where the log brings them again, as after a rebuild', async () => {
    const parts = await monitor({ keep: 4_000 });
    await parts.register();
    const thousand = draw(1_000, 1);
    for (let round = 0; round < 3; round++)
      for (let batch = 1; batch <= 10; batch++) await parts.take(captured(thousand, { batch }));
    expect((await parts.collections.captures.find()).map(({ _id }) => _id).sort()).toEqual(
      [10, 7, 8, 9].map((n) => `life1-${n}`),
    );
    expect((await statusOf(parts.collections))[0]).toMatchObject({ captured: 10_000 });
  });

  test('listed by whether they have a label, across many small batches', async () => {
    const parts = await monitor();
    for (let batch = 1; batch <= 150; batch++) await parts.take(captured(draw(1, batch), { batch }));
    for (const batch of [3, 140]) await parts.label(labelled(`life1-${batch}-0`, 'Adelie'));
    expect((await list(parts.collections, true)).map(({ predictionId }) => predictionId)).toEqual([
      'life1-140-0',
      'life1-3-0',
    ]);
    expect(await list(parts.collections, false)).toHaveLength(148);
    expect((await list(parts.collections)).map(({ timeMs }) => timeMs)).toEqual(
      Array.from({ length: 150 }, (_, at) => (150 - at) * 1000),
    );
  });

  test.each([
    ['replica_life', captured(draw(1, 1), { life: '' })],
    ['batch', captured(draw(1, 1), { batch: 0 })],
    ['version', captured(draw(1, 1), { version: 0 })],
  ])('a batch without %s is refused by that name', async (field, batch) => {
    const parts = await monitor();
    await expect(parts.take(batch)).rejects.toMatchObject({
      code: 'RK_MESSAGE_MISSING_FIELD',
      details: { field },
    });
  });
});

describe('the champion', () => {
  test('is the newest move of the alias, in whatever order the moves come', async () => {
    const moves = [1, 2, 3, 4].map((revision) =>
      promoted('penguins', revision === 4 ? 2 : revision, revision, folder.reference),
    );
    const noise = promoted('penguins', 9, 9, folder.reference, 'shadow');
    await fc.assert(
      fc.asyncProperty(
        fc.shuffledSubarray([...moves, ...moves, noise], { minLength: 9 }),
        async (sequence) => {
          const { collections } = await monitor();
          const keep = keepChampion({ collections, captured: new CaptureSignal() });
          for (const move of sequence) await keep(delivered(events.modelPromoted, move));
          expect(await collections.champions.findOne({ _id: 'penguins' })).toMatchObject({
            version: 2,
            revision: 4,
          });
        },
      ),
      { numRuns: 15 },
    );
  });

  test('can be reported on as soon as it is promoted: its registration may come later', async () => {
    const parts = await monitor();
    await parts.take(captured(draw(20, 1)));
    await expect(
      parts.reporter.report({ model: 'penguins', version: 1, trigger: 'on_demand', occasion: 'a' }),
    ).rejects.toMatchObject({ code: 'RK_VERSION_NOT_FOUND' });
    const keep = keepChampion({ collections: parts.collections, captured: new CaptureSignal() });
    await keep(delivered(events.modelPromoted, promoted('penguins', 1, 1, folder.reference)));
    const report = await parts.reporter.report({
      model: 'penguins',
      version: 1,
      trigger: 'on_demand',
      occasion: 'a',
    });
    expect(report.predictions).toBe(20);
    await parts.register();
    expect((await parts.collections.versions.findOne({ _id: 'penguins@1' }))?.classes).toEqual(species);
  });
});

describe('a report', () => {
  const order = { model: 'penguins', version: 1, trigger: 'count', occasion: '1' } as const;

  test('of the same occasion is one report and one event', async () => {
    const parts = await monitor();
    await parts.register();
    await parts.take(captured(draw(50, 1)));
    const [first, second] = [await parts.reporter.report(order), await parts.reporter.report(order)];
    expect(second).toEqual(first);
    expect(parts.of(events.monitorReported)).toEqual([first]);
    expect(parts.of(events.driftDetected)).toEqual([]);
    await parts.reporter.report({ ...order, occasion: '2' });
    expect(parts.of(events.monitorReported)).toHaveLength(2);
  });

  test('that finds drift of the data set announces that too, with the columns', async () => {
    const parts = await monitor();
    await parts.register();
    const rows = draw(100, 1).map((row) => ({
      ...row,
      values: Object.fromEntries(
        Object.entries(row.values).map(([name, value]) => [
          name,
          typeof value === 'number' ? value * 2 : value,
        ]),
      ),
    }));
    await parts.take(captured(rows));
    const { reportId } = await parts.reporter.report(order);
    const [drift] = parts.of(events.driftDetected);
    expect(drift).toMatchObject({ reportId, model: 'penguins', version: 1, datasetDrift: { drifted: true } });
    expect(drift?.columns).toEqual([
      'culmen_length_mm',
      'culmen_depth_mm',
      'flipper_length_mm',
      'body_mass_g',
    ]);
  });

  test('stands although predictions were made with names that no store takes as a field', async () => {
    const parts = await monitor();
    await parts.register();
    const rows = draw(30, 1).map((row, at) => ({
      ...row,
      values: { ...row.values, island: ['', '$set', 'a.b'][at % 3]! },
    }));
    await parts.take(captured(rows));
    const report = await parts.reporter.report(order);
    expect(await parts.reporter.report(order)).toEqual(report);
    expect(report.columns.find(({ name }) => name === 'island')?.newCategories).toEqual({
      '': 10,
      $set: 10,
      'a.b': 10,
    });
  });

  test('looks at the window that is asked for', async () => {
    const parts = await monitor();
    await parts.register();
    for (let batch = 1; batch <= 100; batch++) await parts.take(captured(draw(1, batch), { batch }));
    const report = await parts.reporter.report({ ...order, window: 70 });
    expect(report).toMatchObject({ predictions: 70, windowStartMs: 31_000, windowEndMs: 100_000 });
  });

  test.each([
    ['no such version', 2, 'RK_VERSION_NOT_FOUND'],
    ['no prediction yet', 1, 'RK_NO_CAPTURES'],
  ])('with %s is an error with its code', async (_, version, code) => {
    const parts = await monitor();
    await parts.register();
    await expect(parts.reporter.report({ ...order, version })).rejects.toMatchObject({ code });
  });

  test('is kept for the newest occasions only', async () => {
    const parts = await monitor();
    await parts.register();
    await parts.take(captured(draw(1, 1)));
    for (let occasion = 0; occasion < 505; occasion++)
      await parts.reporter.report({ ...order, occasion: String(occasion) });
    expect(await parts.collections.reports.count({})).toBe(500);
  });
});

describe('the schedule', () => {
  interface Ordered {
    readonly trigger: string;
    readonly occasion: string;
  }

  /** A schedule whose reports are only recorded; `next` resolves with the next one. */
  async function scheduled(
    parts: Parts,
    options: Partial<ScheduleOptions> & { fail?: () => boolean } = {},
  ): Promise<{
    orders: Ordered[];
    next(): Promise<Ordered>;
    schedule: Awaited<ReturnType<typeof startSchedule>>;
  }> {
    const orders: Ordered[] = [];
    let wake: ((order: Ordered) => void)[] = [];
    const reporter: Reporter = {
      report: async (order) => {
        if (options.fail?.() === true) throw new Error('not registered yet');
        const report = await parts.reporter.report(order);
        orders.push(order);
        for (const resolve of wake) resolve(order);
        wake = [];
        return report;
      },
    };
    const schedule = await startSchedule({
      reporter,
      collections: parts.collections,
      logger: quiet,
      everyPredictions: 10,
      intervalMs: 3_600_000,
      ...options,
    });
    return { orders, schedule, next: () => new Promise((resolve) => wake.push(resolve)) };
  }

  test('makes a report every so many predictions, named by how many were taken in', async () => {
    const parts = await monitor();
    await parts.register();
    const { orders, schedule, next } = await scheduled(parts);
    await parts.take(captured(draw(9, 1), { batch: 1 }));
    schedule.noticed('penguins', 1, 9);
    await parts.take(captured(draw(4, 1), { batch: 2 }));
    const made = next();
    schedule.noticed('penguins', 1, 4);
    expect(await made).toMatchObject({ trigger: 'count', occasion: '13' });
    await schedule.stop();
    expect(orders).toHaveLength(1);
  });

  test('makes one at an interval with new predictions, and none without', async () => {
    const parts = await monitor();
    await parts.register();
    await parts.take(captured(draw(3, 1)));
    const { orders, schedule, next } = await scheduled(parts, { intervalMs: 5 });
    // Those were taken in before this process began: no report has seen them.
    expect(await next()).toMatchObject({ trigger: 'scheduled', occasion: '3' });
    await parts.take(captured(draw(2, 1), { batch: 2 }));
    const made = next();
    schedule.noticed('penguins', 1, 2);
    expect(await made).toMatchObject({ trigger: 'scheduled', occasion: '5' });
    await schedule.stop();
    expect(orders).toHaveLength(2);
  });

  test('after a restart goes on with what no report has seen, and reports nothing twice', async () => {
    const parts = await monitor();
    await parts.register();
    const before = await scheduled(parts);
    await parts.take(captured(draw(12, 1), { batch: 1 }));
    const made = before.next();
    before.schedule.noticed('penguins', 1, 12);
    await made;
    await parts.take(captured(draw(9, 1), { batch: 2 }));
    before.schedule.noticed('penguins', 1, 9);
    await before.schedule.stop();
    const after = await scheduled(parts);
    await parts.take(captured(draw(1, 1), { batch: 3 }));
    const again = after.next();
    after.schedule.noticed('penguins', 1, 1);
    expect(await again).toMatchObject({ trigger: 'count', occasion: '22' });
    await after.schedule.stop();
    expect(after.orders).toHaveLength(1);
  });

  test('tries again at the next interval where no report could be made', async () => {
    const parts = await monitor();
    await parts.register();
    let failures = 0;
    const { schedule, next } = await scheduled(parts, { intervalMs: 5, fail: () => failures++ < 3 });
    await parts.take(captured(draw(20, 1)));
    const made = next();
    schedule.noticed('penguins', 1, 20);
    expect(await made).toMatchObject({ trigger: 'scheduled', occasion: '20' });
    await schedule.stop();
  });

  test('that is stopped starts no report any more', async () => {
    const parts = await monitor();
    const { orders, schedule } = await scheduled(parts);
    await schedule.stop();
    schedule.noticed('penguins', 1, 1_000);
    await schedule.stop();
    expect(orders).toEqual([]);
  });
});

describe('CaptureSignal', () => {
  test('passes on what the question fails with, and gives up when the caller does', async () => {
    const signal = new CaptureSignal();
    await expect(
      signal.waitUntil('m', () => Promise.reject(new Error('store away')), 60_000),
    ).rejects.toThrow('store away');
    const gone = new AbortController();
    const waiting = signal.waitUntil('m', async () => false, 60_000, gone.signal);
    gone.abort();
    expect(await waiting).toBe(false);
    expect(await signal.waitUntil('m', async () => true, 60_000, gone.signal)).toBe(false);
  });

  test('asks again whenever something comes in', async () => {
    const signal = new CaptureSignal();
    let asked = 0;
    const waiting = signal.waitUntil('m', async () => (asked += 1) === 3, 60_000);
    signal.notify('other');
    signal.notify('m');
    signal.notify('m');
    expect(await waiting).toBe(true);
    expect(asked).toBe(3);
  });
});
