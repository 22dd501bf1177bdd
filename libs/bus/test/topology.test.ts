import { expect, test } from 'vitest';
import { streams, TerminalError } from '@rookery/contracts';
import { ensureStreams } from '../src/topology.js';
import { connectBus } from '../src/index.js';
import { recordingLogger, useBroker } from './fixtures.js';

const broker = useBroker();

test('nine services that set up the streams at once all succeed and agree', async () => {
  const buses = await Promise.all(
    Array.from({ length: 9 }, (_, i) => connectBus({ url: broker.server().url, name: `service-${i}` })),
  );
  await Promise.all(buses.map((bus) => bus.ensureTopology()));
  const bus = buses[0] as (typeof buses)[number];
  for (const definition of streams) {
    const { config } = await bus.jsm.streams.info(definition.name);
    expect([...config.subjects].sort()).toEqual([...definition.subjects].sort());
    expect(config.retention).toBe('limits');
    expect(config.storage).toBe('file');
    expect(config.duplicate_window).toBe(definition.duplicateWindowMs * 1e6);
  }
  await Promise.all(buses.map((one) => one.close()));
});

test('setting up twice changes nothing the second time', async () => {
  const logger = recordingLogger();
  const bus = await broker.connect({ logger });
  logger.lines.length = 0;
  await bus.ensureTopology();
  expect(logger.lines.filter((line) => line.level === 'info')).toEqual([]);
});

const definition = {
  name: 'ML_JOBS',
  subjects: ['other.a.>'],
  description: 'test',
  maxAgeMs: 60_000,
  maxBytes: 1_000_000,
  duplicateWindowMs: 1_000,
} as const;

test('a stream of an older version gets the missing subjects and the new limits, and keeps its messages', async () => {
  const bus = await broker.connect();
  const logger = recordingLogger();
  const older = { ...definition, name: 'GROWING' as 'ML_JOBS', subjects: ['grow.a.>'] };
  await ensureStreams(bus.jsm, [older], 1, logger);
  await bus.js.publish('grow.a.1', 'kept');
  await ensureStreams(bus.jsm, [{ ...older, subjects: ['grow.b.>'], maxAgeMs: 120_000 }], 1, logger);
  const { config, state } = await bus.jsm.streams.info('GROWING');
  expect([...config.subjects].sort()).toEqual(['grow.a.>', 'grow.b.>']);
  expect(config.max_age).toBe(120_000 * 1e6);
  expect(state.messages).toBe(1);
});

test('a stream with another retention is refused, naming stream, property and both values', async () => {
  const bus = await broker.connect();
  await bus.jsm.streams.add({ name: 'QUEUE', subjects: ['queue.>'], retention: 'workqueue' });
  const wanted = { ...definition, name: 'QUEUE' as 'ML_JOBS', subjects: ['queue.>'] };
  const error = await ensureStreams(bus.jsm, [wanted], 1, recordingLogger()).catch((e: unknown) => e);
  expect(error).toBeInstanceOf(TerminalError);
  expect(error).toMatchObject({
    code: 'RK_BUS_TOPOLOGY',
    details: { stream: 'QUEUE', property: 'retention', found: 'workqueue', wanted: 'limits' },
  });
});

test('subjects that another stream holds are refused at once', async () => {
  const bus = await broker.connect();
  await bus.jsm.streams.add({ name: 'HOLDER', subjects: ['held.>'] });
  const wanted = { ...definition, name: 'LATECOMER' as 'ML_JOBS', subjects: ['held.one'] };
  await expect(ensureStreams(bus.jsm, [wanted], 1, recordingLogger())).rejects.toMatchObject({
    code: 'RK_BUS_TOPOLOGY',
    details: { stream: 'LATECOMER', property: 'subjects' },
  });
});
