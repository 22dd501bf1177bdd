import { metrics } from '@opentelemetry/api';
import type { Attributes, Meter, MeterProvider } from '@opentelemetry/api';
import { afterAll, expect, test } from 'vitest';
import { TerminalError } from '@rookery/contracts';
import { label, labelReceived, unique, until, useBroker } from './fixtures.js';

const measured: { name: string; value: number; attributes: Attributes }[] = [];
const instrument = (name: string): object => {
  const record = (value: number, attributes: Attributes): void =>
    void measured.push({ name, value, attributes });
  return { add: record, record };
};
const meter = { createCounter: instrument, createHistogram: instrument } as unknown as Meter;
metrics.setGlobalMeterProvider({ getMeter: () => meter } satisfies MeterProvider);
afterAll(() => metrics.disable());

const broker = useBroker();

test('what is published, consumed, processed and given up is counted, by names that stay few', async () => {
  const bus = await broker.connect();
  const durable = unique('measured');
  const consumption = await bus.consume(labelReceived, {
    durable,
    from: 'new',
    handler: async (event) => {
      if (event.data.predictionId === 'bad') throw new TerminalError('RK_LABEL_INVALID', 'no such class');
    },
  });
  await bus.publish(labelReceived, 'key-a', label('good'), { id: unique('event') });
  await bus.publish(labelReceived, 'key-b', label('bad'), { id: unique('event') });
  const named = (name: string): typeof measured => measured.filter((one) => one.name === name);
  await until(
    async () => named('rookery.bus.dead_letters').length,
    (n) => n === 1,
    'dead letter counted',
  );
  await until(
    async () => named('messaging.process.duration').length,
    (n) => n === 2,
    'both processed',
  );
  const destination = { 'messaging.destination.name': 'ml.label.received.{key}' };
  expect(
    named('messaging.client.sent.messages').filter(
      (one) => one.attributes['messaging.destination.name'] === destination['messaging.destination.name'],
    ),
  ).toHaveLength(2);
  expect(named('messaging.client.consumed.messages').map((one) => one.attributes)).toEqual([
    { ...destination, 'messaging.consumer.group.name': durable },
    { ...destination, 'messaging.consumer.group.name': durable },
  ]);
  expect(named('messaging.process.duration').map((one) => one.attributes['error.type'])).toEqual([
    undefined,
    'RK_LABEL_INVALID',
  ]);
  expect(named('rookery.bus.dead_letters')[0]?.attributes).toMatchObject({
    'error.type': 'RK_LABEL_INVALID',
  });
  expect(JSON.stringify(measured)).not.toContain('key-a');
  await consumption.stop();
});
