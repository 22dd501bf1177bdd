import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { context, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import type { ReadableSpan } from '@opentelemetry/sdk-trace-base';
import { afterAll, beforeEach, expect, test } from 'vitest';
import { events, TerminalError } from '@rookery/contracts';
import { createOutbox } from '../src/index.js';
import { deferred, label, labelReceived, unique, until, useBroker, within } from './fixtures.js';

const exporter = new InMemorySpanExporter();
const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
trace.setGlobalTracerProvider(provider);
context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());

const broker = useBroker();
beforeEach(() => exporter.reset());
afterAll(async () => {
  await provider.shutdown();
  trace.disable();
  context.disable();
});

const named = (name: string): ReadableSpan[] =>
  exporter.getFinishedSpans().filter((span) => span.name === name);
const sendLabel = 'send ml.label.received.{key}';
const processLabel = 'process ml.label.received.{key}';

test('one trace id goes from publish over consume to the next publish, and its consumer', async () => {
  const bus = await broker.connect();
  const done = deferred();
  const run = events.runFailed;
  const first = await bus.consume(labelReceived, {
    durable: unique('first'),
    from: 'new',
    handler: async (event) => {
      await bus.publish(run, 'run-1', run.message.fromPartial({ runId: 'run-1' }), {
        id: unique('next'),
        cause: event,
      });
    },
  });
  const second = await bus.consume(run, {
    durable: unique('second'),
    from: 'new',
    handler: async () => done.resolve(),
  });
  const traceId = await trace.getTracer('test').startActiveSpan('root', async (root) => {
    await bus.publish(labelReceived, 'secret-key', label('p'), {
      id: unique('event'),
      correlationId: 'run-1',
    });
    root.end();
    return root.spanContext().traceId;
  });
  await within(done.promise, 'second consumer');
  const sendRun = 'send ml.run.failed.{key}';
  const processRun = 'process ml.run.failed.{key}';
  await until(
    async () => named(processRun).length + named(processLabel).length,
    (n) => n === 2,
    'spans ended',
  );
  const chain = ['root', sendLabel, processLabel, sendRun, processRun].map(
    (name) => named(name)[0] as ReadableSpan,
  );
  expect(chain.map((span) => span.spanContext().traceId)).toEqual(Array.from({ length: 5 }, () => traceId));
  // Each is the child of the one before: the tree reads as the story went.
  chain
    .slice(1)
    .forEach((span, i) => expect(span.parentSpanContext?.spanId).toBe(chain[i]?.spanContext().spanId));
  expect([chain[1]?.kind, chain[2]?.kind]).toEqual([SpanKind.PRODUCER, SpanKind.CONSUMER]);
  expect(chain[2]?.links[0]?.context.spanId).toBe(chain[1]?.spanContext().spanId);
  expect(chain[1]?.attributes).toMatchObject({
    'messaging.system': 'nats',
    'messaging.operation.type': 'send',
    'messaging.destination.name': 'ml.label.received.{key}',
    'messaging.message.conversation_id': 'run-1',
  });
  expect(chain[2]?.attributes).toMatchObject({
    'messaging.operation.type': 'process',
    'messaging.nats.stream': 'ML_EVENTS',
    'messaging.nats.delivery_count': 1,
  });
  // A key is no part of any name: names must stay few.
  expect(exporter.getFinishedSpans().some((span) => span.name.includes('secret-key'))).toBe(false);
  await Promise.all([first.stop(), second.stop()]);
});

test('each attempt is a span of its own, and a failed one carries its code', async () => {
  const bus = await broker.connect();
  const durable = unique('attempts');
  const consumption = await bus.consume(labelReceived, {
    durable,
    from: 'new',
    retryDelay: () => 10,
    handler: async (_, { attempt }) => {
      if (attempt === 1) throw new Error('once more');
      throw new TerminalError('RK_LABEL_INVALID', 'no such class');
    },
  });
  await bus.publish(labelReceived, 'k', label('p'), { id: unique('event') });
  await until(
    async () => named(processLabel).length,
    (n) => n === 2,
    'two attempts',
  );
  await until(
    () => consumption.lag(),
    (lag) => lag.ackPending === 0,
    'ended',
  );
  const spans = named(processLabel);
  expect(spans.map((span) => span.attributes['messaging.nats.delivery_count'])).toEqual([1, 2]);
  expect(spans.map((span) => span.status.code)).toEqual([SpanStatusCode.ERROR, SpanStatusCode.ERROR]);
  expect(spans[1]?.attributes['error.type']).toBe('RK_LABEL_INVALID');
  expect(spans[1]?.parentSpanContext?.spanId).toBe(spans[0]?.parentSpanContext?.spanId);
  await consumption.stop();
});

test('what goes through the outbox stays in the trace in which it was decided, even when it is sent much later', async () => {
  const bus = await broker.connect();
  const outbox = createOutbox(bus);
  const entry = trace.getTracer('test').startActiveSpan('decision', (span) => {
    span.end();
    return outbox.entry(labelReceived, 'k', label('p'), { id: unique('event') });
  });
  const collection = {
    findOne: async () => ({ _id: 'doc', outbox: [entry] }),
    find: async () => [],
    updateOne: async () => {},
  };
  await outbox.flush(collection, 'doc');
  const decision = named('decision')[0]?.spanContext();
  expect(named(sendLabel)[0]?.parentSpanContext?.spanId).toBe(decision?.spanId);
  expect(named(sendLabel)[0]?.spanContext().traceId).toBe(decision?.traceId);
});

test('a handler without an active span still continues the trace of its cause', async () => {
  const bus = await broker.connect();
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
  const cause = { id: 'c', correlationId: 'r', traceparent } as never;
  const { sequence } = await bus.publish(labelReceived, 'k', label('p'), { id: unique('event'), cause });
  const stored = await bus.jsm.streams.getMessage('ML_EVENTS', { seq: sequence });
  expect(stored?.header.get('traceparent')).toMatch(/^00-0af7651916cd43dd8448eb211c80319c-[0-9a-f]{16}-01$/);
});
