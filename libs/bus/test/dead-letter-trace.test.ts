import { context, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { TerminalError } from '@rookery/contracts';
import { afterAll, expect, test } from 'vitest';

import { label, labelReceived, unique, until, useBroker } from './fixtures.js';

const exporter = new InMemorySpanExporter();
const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
trace.setGlobalTracerProvider(provider);
context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());

const broker = useBroker();
afterAll(async () => {
  await provider.shutdown();
  trace.disable();
  context.disable();
});

test('a redrive goes on with the trace of its event and is linked to the one of who redrives', async () => {
  const bus = await broker.connect();
  const durable = unique('traced');
  const traces: (string | undefined)[] = [];
  const consumption = await bus.consume(labelReceived, {
    durable,
    from: 'new',
    handler: async (event) => {
      traces.push(event.traceparent);
      if (traces.length === 1) throw new TerminalError('RK_LABEL_INVALID', 'no such class');
    },
  });
  await bus.publish(labelReceived, 'k', label('p'), { id: unique('event') });
  const [letter] = await until(
    async () => (await bus.deadLetters.list({ consumer: durable })).letters,
    (letters) => letters.length === 1,
    'letter',
  );
  exporter.reset();
  const mine = await trace.getTracer('test').startActiveSpan('rookery dlq redrive', async (span) => {
    await bus.deadLetters.redrive(letter?.id ?? 0);
    span.end();
    return span.spanContext();
  });
  await until(
    async () => traces.length,
    (n) => n === 2,
    'handled again',
  );
  const send = exporter.getFinishedSpans().find(({ name }) => name === 'send ml.label.received.{key}');
  expect(send?.spanContext().traceId).toBe(letter?.letter.traceId);
  expect(send?.parentSpanContext?.spanId).toBe(traces[0]?.split('-')[2]);
  expect(send?.links.map((link) => link.context.traceId)).toEqual([mine.traceId]);
  expect(traces[1]?.split('-').slice(1, 3)).toEqual([letter?.letter.traceId, send?.spanContext().spanId]);
  await consumption.stop();
});
