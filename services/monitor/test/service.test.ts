import { connectBus, createOutbox } from '@rookery/bus';
import type { Bus } from '@rookery/bus';
import { collect, startNatsServer } from '@rookery/bus/testing';
import type { NatsServer } from '@rookery/bus/testing';
import { events } from '@rookery/contracts';
import {
  GetReportRequest,
  MonitorServiceClient,
  MonitorServiceService,
} from '@rookery/proto/rookery/monitor/v1/monitor';
import { callUnary, createGrpcClient, createGrpcServer, unary } from '@rookery/service-kit';
import type { GrpcServer, GrpcServerOptions } from '@rookery/service-kit';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';

import { openCollections } from '../src/adapters/collections.js';
import { referenceReader } from '../src/adapters/reference-reader.js';
import { CaptureSignal } from '../src/application/capture-signal.js';
import { keepCaptures } from '../src/application/keep-captures.js';
import { addLabels, keepLabel } from '../src/application/keep-labels.js';
import { keepChampion, keepRegistered } from '../src/application/keep-models.js';
import { listPredictions } from '../src/application/list-predictions.js';
import { monitorStatus } from '../src/application/monitor-status.js';
import { createReporter } from '../src/application/reporter.js';
import { reportRequests } from '../src/application/report-requests.js';
import { captured, draw, openFolder, promoted, quiet, registered } from './fixtures.js';

const silent = { ...quiet, isLevelEnabled: () => false } as unknown as GrpcServerOptions['logger'];
let server: NatsServer;
let bus: Bus;
let folder: Awaited<ReturnType<typeof openFolder>>;
let grpc: GrpcServer;
let client: MonitorServiceClient;

beforeAll(async () => {
  [server, folder] = await Promise.all([startNatsServer(), openFolder()]);
  bus = await connectBus({ url: server.url, name: 'monitor' });
  await bus.ensureTopology();
  const collections = await openCollections(await folder.open('monitor'));
  const signal = new CaptureSignal();
  const reporter = createReporter({
    collections,
    references: referenceReader(folder.artifacts),
    outbox: createOutbox(bus),
    clock: Date.now,
    window: 1_000,
    driftShare: 0.5,
  });
  const schedule = { noticed: () => undefined };
  const ports = { collections, captured: signal };
  await Promise.all([
    bus.consume(events.modelRegistered, { durable: 'monitor-models', handler: keepRegistered(ports) }),
    bus.consume(events.modelPromoted, { durable: 'monitor-promotions', handler: keepChampion(ports) }),
    bus.consume(events.modelRolledBack, { durable: 'monitor-rollbacks', handler: keepChampion(ports) }),
    bus.consume(events.predictionCaptured, {
      durable: 'monitor-captures',
      handler: keepCaptures({ ...ports, schedule, keep: 100_000, clock: Date.now }),
    }),
    bus.consume(events.labelReceived, {
      durable: 'monitor-labels',
      concurrency: 8,
      handler: keepLabel(collections),
    }),
  ]);
  grpc = createGrpcServer({ logger: silent });
  grpc.addService(MonitorServiceService, {
    ...reportRequests({ reporter, ...ports }),
    addLabels: unary(addLabels({ bus, collections })),
    listPredictions: unary(listPredictions(collections)),
    getStatus: unary(monitorStatus(collections)),
  });
  client = createGrpcClient(MonitorServiceClient, `127.0.0.1:${await grpc.listen(0)}`);
  await publishModel('known');
  await vi.waitFor(
    async () => expect((await callUnary(client, 'getStatus', { model: 'known' })).models).toHaveLength(1),
    { timeout: 15_000 },
  );
});
afterAll(async () => {
  client.close();
  await grpc.stop(1_000);
  await bus.close();
  await Promise.all([server.stop(), folder.close()]);
});

const publishBatch = (model: string, rows: number, batch = 1, life = `life-${model}`) =>
  bus.publish(events.predictionCaptured, model, captured(draw(rows, batch), { model, life, batch }), {
    id: `${life}-${batch}`,
  });

const publishModel = async (model: string, version = 1): Promise<void> => {
  const { reference } = folder;
  await bus.publish(events.modelRegistered, model, registered(model, version, reference), {
    id: `reg-${model}-${version}`,
  });
  await bus.publish(events.modelPromoted, model, promoted(model, version, version, reference), {
    id: `pro-${model}-${version}`,
  });
};

const report = (
  request: Partial<{ model: string; version: number; minPredictions: number; waitMs: number }>,
) =>
  callUnary(client, 'runReport', {
    model: '',
    version: 0,
    window: 0,
    minPredictions: 0,
    waitMs: 0,
    ...request,
  });

describe('the monitor', () => {
  test('reports on the champion as soon as enough was captured, though everything comes after the question', async () => {
    const asked = report({ model: 'late', minPredictions: 40, waitMs: 20_000 });
    await publishBatch('late', 25, 1);
    await publishModel('late');
    await publishBatch('late', 25, 2);
    await publishBatch('late', 25, 2);
    const { report: made } = await asked;
    expect(made).toMatchObject({ model: 'late', version: 1, trigger: 'on_demand', predictions: 50 });
    const reported = await collect(bus, events.monitorReported, 1);
    expect(reported.map(({ data }) => data.reportId)).toContain(made?.reportId);
    const again = await callUnary(client, 'getReport', { reportId: made?.reportId ?? '' });
    expect(again.report).toEqual(made);
    const { reports } = await callUnary(client, 'listReports', { model: 'late', limit: 10 });
    expect(reports).toEqual([made]);
  });

  test('joins labels that came before their predictions and after, and measures quality with them', async () => {
    await publishModel('early');
    const rows = draw(20, 1);
    const labels = rows.map((row, index) => ({
      predictionId: `life-early-1-${index}`,
      label: row.species,
      labels: [],
    }));
    const first = await callUnary(client, 'addLabels', { model: 'early', labels: labels.slice(0, 10) });
    expect(first.accepted).toBe(10);
    await publishBatch('early', 20, 1);
    await callUnary(client, 'addLabels', { model: 'early', labels: labels.slice(10) });
    await expect
      .poll(async () => (await callUnary(client, 'getStatus', { model: 'early' })).models[0]?.labelled, {
        timeout: 15_000,
      })
      .toBe(20);
    const { report: made } = await report({ model: 'early', minPredictions: 20, waitMs: 10_000 });
    expect(made).toMatchObject({ labelled: 20, quality: { accuracy: 1 } });
  });

  test('takes a label back and gives it again: the last one counts', async () => {
    await publishModel('changed');
    await publishBatch('changed', 1, 1);
    const truth = async (): Promise<string | undefined> =>
      (
        await callUnary(client, 'listPredictions', {
          model: 'changed',
          version: 0,
          limit: 1,
          labelled: undefined,
        })
      ).predictions[0]?.truth;
    for (const label of ['Adelie', 'Gentoo', 'Adelie']) {
      await callUnary(client, 'addLabels', {
        model: 'changed',
        labels: [{ predictionId: 'life-changed-1-0', label, labels: [] }],
      });
      await expect.poll(truth, { timeout: 15_000 }).toBe(label);
    }
  });

  test('does not let a bad label or a bad batch stop the ones behind it', async () => {
    await publishModel('poison');
    await bus.publish(
      events.labelReceived,
      'poison',
      { predictionId: '', label: 'x', model: '', labels: [] },
      { id: 'bad-label' },
    );
    await bus.publish(events.predictionCaptured, 'poison', captured(draw(1, 1), { life: '' }), {
      id: 'bad-batch',
    });
    await publishBatch('poison', 15, 1);
    expect((await report({ model: 'poison', minPredictions: 15, waitMs: 20_000 })).report?.predictions).toBe(
      15,
    );
    const letters = await collect(bus, events.deadLetter, 2);
    expect(letters.map(({ data }) => [data.consumer, data.code]).sort()).toEqual([
      ['monitor-captures', 'RK_MESSAGE_MISSING_FIELD'],
      ['monitor-labels', 'RK_MESSAGE_MISSING_FIELD'],
    ]);
  });
});

describe('errors', () => {
  const one = (predictionId: string, label: string) => ({ predictionId, label, labels: [] as string[] });
  const set = (predictionId: string, labels: string[]) => ({ predictionId, label: '', labels });

  test.each([
    ['no labels', 'x', [], 'RK_REQUEST_INVALID'],
    ['too many', 'x', Array.from({ length: 10_001 }, (_, i) => one(`p${i}`, 'a')), 'RK_REQUEST_INVALID'],
    ['two labels for one prediction', 'x', [one('p', 'a'), one('p', 'b')], 'RK_REQUEST_INVALID'],
    ['no prediction id', 'x', [one('', 'a')], 'RK_MESSAGE_MISSING_FIELD'],
    ['no label', 'x', [one('p', '')], 'RK_MESSAGE_MISSING_FIELD'],
    ['a label that is endless', 'x', [one('p', 'a'.repeat(300))], 'RK_LABEL_INVALID'],
    [
      'a label and labels for one prediction',
      'x',
      [{ ...one('p', 'a'), labels: ['a', 'b'] }],
      'RK_LABEL_INVALID',
    ],
    ['two sets for one prediction', 'x', [set('p', ['a', 'b']), set('p', ['a'])], 'RK_REQUEST_INVALID'],
    [
      'a set that is endless',
      'x',
      [
        set(
          'p',
          Array.from({ length: 1_001 }, (_, i) => `l${i}`),
        ),
      ],
      'RK_LABEL_INVALID',
    ],
    ['an endless label in a set', 'x', [set('p', ['a', 'a'.repeat(300)])], 'RK_LABEL_INVALID'],
    ['a set for a model of one class a row', 'known', [set('p', ['Adelie', 'Gentoo'])], 'RK_LABEL_INVALID'],
    [
      'a label that is no class of the model',
      'known',
      [one('p', 'Adelie'), one('q', 'Dodo')],
      'RK_LABEL_INVALID',
    ],
  ])('AddLabels with %s is refused before anything is published', async (_, model, labels, code) => {
    const before = (await bus.jsm.streams.info('ML_EVENTS')).state.messages;
    await expect(callUnary(client, 'addLabels', { model, labels })).rejects.toMatchObject({ code });
    expect((await bus.jsm.streams.info('ML_EVENTS')).state.messages).toBe(before);
  });

  test.each([
    ['of no model', { model: '' }, 'RK_REQUEST_INVALID'],
    ['of an unknown model', { model: 'nobody' }, 'RK_MODEL_NOT_FOUND'],
    [
      'of an unknown model, having waited',
      { model: 'nobody', waitMs: 1, minPredictions: 1 },
      'RK_MODEL_NOT_FOUND',
    ],
    ['of an unknown version', { model: 'known', version: 9 }, 'RK_VERSION_NOT_FOUND'],
  ])('a report %s is refused with its code', async (_, request, code) => {
    await expect(report(request)).rejects.toMatchObject({ code });
  });

  test('a report that does not exist is refused by its id', async () => {
    const request = GetReportRequest.fromPartial({ reportId: 'report-none' });
    await expect(callUnary(client, 'getReport', request)).rejects.toMatchObject({
      code: 'RK_REPORT_NOT_FOUND',
      details: { reportId: 'report-none' },
    });
  });
});
