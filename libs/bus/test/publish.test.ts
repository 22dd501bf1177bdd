import { expect, test } from 'vitest';
import { events } from '@rookery/contracts';
import { connectBus } from '../src/index.js';
import { collect, startNatsServer } from '../src/testing/index.js';
import { label, labelReceived, unique, useBroker, within } from './fixtures.js';

const broker = useBroker({ config: 'max_payload: 20000' });

test('the promise of a publish means that the stream holds the event, with all its attributes', async () => {
  const bus = await broker.connect();
  const id = unique('event');
  const { sequence, duplicate } = await bus.publish(labelReceived, 'penguins', label('p1'), {
    id,
    correlationId: 'run-7',
  });
  expect(duplicate).toBe(false);
  const stored = await bus.jsm.streams.getMessage('ML_EVENTS', { seq: sequence });
  expect(stored?.subject).toBe('ml.label.received.penguins');
  expect(stored?.json()).toEqual({ predictionId: 'p1', label: 'Adelie', model: 'penguins' });
  expect(
    Object.fromEntries((stored?.header.keys() ?? []).map((name) => [name, stored?.header.get(name)])),
  ).toMatchObject({
    'ce-specversion': '1.0',
    'ce-id': id,
    'Nats-Msg-Id': id,
    'ce-type': 'ml.label.received',
    'ce-source': '/services/tester',
    'ce-subject': 'penguins',
    'ce-datacontenttype': 'application/json',
    'ce-correlationid': 'run-7',
  });
});

test('an id published twice is stored once, also under another key and by another service', async () => {
  const bus = await broker.connect();
  const other = await broker.connect({ name: 'other' });
  const id = unique('event');
  const first = await bus.publish(labelReceived, 'a', label('p'), { id });
  const second = await bus.publish(labelReceived, 'a', label('p'), { id });
  const third = await other.publish(labelReceived, 'b', label('p'), { id });
  expect([second, third]).toEqual([
    { sequence: first.sequence, duplicate: true },
    { sequence: first.sequence, duplicate: true },
  ]);
});

test('causation and correlation come from the event that is being handled', async () => {
  const bus = await broker.connect();
  const cause = { id: 'the-cause', correlationId: 'the-run' } as never;
  const { sequence } = await bus.publish(labelReceived, 'k', label('p'), { id: unique('event'), cause });
  const stored = await bus.jsm.streams.getMessage('ML_EVENTS', { seq: sequence });
  expect(stored?.header.get('ce-causationid')).toBe('the-cause');
  expect(stored?.header.get('ce-correlationid')).toBe('the-run');
});

test('binary protobuf says so in its content type', async () => {
  const bus = await broker.connect();
  const data = events.predictionCaptured.message.fromPartial({ model: 'm', version: 2, batch: 5 });
  const { sequence } = await bus.publish(events.predictionCaptured, 'm', data, { id: unique('event') });
  const stored = await bus.jsm.streams.getMessage('ML_CAPTURES', { seq: sequence });
  expect(stored?.header.get('ce-datacontenttype')).toBe('application/protobuf');
  expect(events.predictionCaptured.message.decode(stored?.data ?? new Uint8Array())).toEqual(data);
});

test.each(['', 'a.b', 'a b', '*', '>', 'ü', 'x'.repeat(65)])(
  'the key "%s" is refused before anything is sent',
  async (key) => {
    const bus = await broker.connect();
    await expect(bus.publish(labelReceived, key, label('p'), { id: unique('event') })).rejects.toMatchObject({
      code: 'RK_KEY_INVALID',
    });
  },
);

test('a message over the limit of the broker is refused, naming size and limit; one below it is stored', async () => {
  const bus = await broker.connect();
  const big = { ...label('p'), label: 'x'.repeat(20_000) };
  const error = await bus.publish(labelReceived, 'k', big, { id: unique('event') }).catch((e: unknown) => e);
  expect(error).toMatchObject({ code: 'RK_MESSAGE_TOO_LARGE', details: { limit: '20000' } });
  expect(Number((error as { details: { size: string } }).details.size)).toBeGreaterThan(20_000);
  // As large as it may be, to the byte: the size of everything beside the label is what the error counted.
  const rest = Number((error as { details: { size: string } }).details.size) - 20_000;
  const id = unique('event');
  const exact = { ...label('p'), label: 'x'.repeat(20_000 - rest - 2) };
  await expect(bus.publish(labelReceived, 'k', exact, { id })).resolves.toMatchObject({ duplicate: false });
});

test('a subject that no stream takes is refused by name', async () => {
  const server = await startNatsServer();
  const bus = await connectBus({ url: server.url, name: 'tester' });
  await expect(bus.publish(labelReceived, 'k', label('p'), { id: 'x' })).rejects.toMatchObject({
    code: 'RK_BUS_NO_STREAM',
    message: expect.stringContaining('ml.label.received.k') as string,
  });
  await bus.close();
  await server.stop();
});

test('where no broker is, connecting fails with the address and without its password', async () => {
  const error = await connectBus({
    url: 'nats://user:secret@127.0.0.1:1',
    name: 't',
    connectDeadlineMs: 50,
  }).catch((e: unknown) => e);
  expect(error).toMatchObject({ code: 'RK_BUS_UNAVAILABLE' });
  expect((error as Error).message).toContain('127.0.0.1:1');
  expect((error as Error).message).not.toContain('secret');
});

test('a refused login is not waited for', async () => {
  const server = await startNatsServer({ config: 'authorization: { token: "t" }' });
  await expect(connectBus({ url: server.url, name: 't', connectDeadlineMs: 100 })).rejects.toMatchObject({
    code: 'RK_BUS_UNAUTHORISED',
  });
  await server.stop();
});

test('live progress reaches who listens to the run, and nobody else', async () => {
  const bus = await broker.connect();
  const progress = {
    runId: 'run-a',
    fold: 1,
    final: false,
    epoch: 2,
    epochs: 50,
    loss: 0.5,
    metricName: 'accuracy',
    metric: 0.9,
  };
  const seen: unknown[] = [];
  let arrived: () => void = () => {};
  const all = new Promise<void>((resolve) => (arrived = resolve));
  const stopOther = bus.subscribeProgress('run-b', () => seen.push('wrong run'));
  const stop = bus.subscribeProgress('run-a', (item) => {
    seen.push(item);
    arrived();
  });
  await bus.nc.flush();
  bus.publishProgress('run-a', progress);
  await within(all, 'progress');
  await bus.nc.flush();
  expect(seen).toEqual([progress]);
  await stop();
  await stopOther();
});

test('the test kit collects what was published, in order, without taking it from anybody', async () => {
  const bus = await broker.connect();
  for (const i of [1, 2, 3])
    await bus.publish(labelReceived, 'kit', label(`kit-${i}`), { id: unique('kit') });
  const seen = await collect(bus, labelReceived, 3);
  expect(seen).toHaveLength(3);
  await expect(collect(bus, events.runFailed, 1, 200)).rejects.toThrow('0 of 1 ml.run.failed');
});
