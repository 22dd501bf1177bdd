import { context, propagation, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { afterEach, describe, expect, it } from 'vitest';
import {
  attr,
  contextFromTraceparent,
  currentTraceparent,
  linkFromTraceparent,
  spanContextFromTraceparent,
  startTelemetry,
  withSpan,
} from '../src/index.js';
import type { Telemetry } from '../src/index.js';

const remote = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
let telemetry: Telemetry | undefined;

function start(env: Record<string, string> = {}): InMemorySpanExporter {
  const exporter = new InMemorySpanExporter();
  telemetry = startTelemetry({
    serviceName: 'test',
    env,
    spanProcessors: [new SimpleSpanProcessor(exporter)],
  });
  return exporter;
}

afterEach(async () => {
  await telemetry?.shutdown();
  telemetry = undefined;
});

describe('tracing without a collector', () => {
  it('gives real trace ids that follow asynchronous calls, and exports nothing', async () => {
    telemetry = startTelemetry({ serviceName: 'test', env: {} });
    expect(telemetry.plan).toEqual({});
    expect(telemetry.exportsTraces).toBe(false);
    await withSpan('outer', {}, async (outer) => {
      await new Promise((resolve) => setImmediate(resolve));
      expect(trace.getActiveSpan()).toBe(outer);
      expect(currentTraceparent()).toMatch(/^00-[\da-f]{32}-[\da-f]{16}-01$/);
      withSpan('inner', {}, (inner) => {
        expect(inner.spanContext().traceId).toBe(outer.spanContext().traceId);
      });
    });
  });

  it('passes a trace on even when the SDK is disabled', () => {
    telemetry = startTelemetry({
      serviceName: 'test',
      env: { OTEL_SDK_DISABLED: 'true', OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9' },
    });
    expect(telemetry.plan).toEqual({});
    const carrier: Record<string, string> = {};
    propagation.inject(contextFromTraceparent(remote), carrier);
    expect(carrier['traceparent']).toBe(remote);
  });
});

describe('withSpan', () => {
  it('ends the span and returns the value of a synchronous function', () => {
    const exporter = start();
    expect(withSpan('sum', { kind: SpanKind.CLIENT, attributes: { [attr.runId]: 'run-1' } }, () => 3)).toBe(
      3,
    );
    const [span] = exporter.getFinishedSpans();
    expect(span).toMatchObject({
      name: 'sum',
      kind: SpanKind.CLIENT,
      attributes: { 'rookery.run.id': 'run-1' },
    });
    expect(span?.status.code).toBe(SpanStatusCode.UNSET);
  });

  it('records the exception and error.type of a rejected promise, and rejects with the same error', async () => {
    const exporter = start();
    const error = Object.assign(new Error('no such dataset'), { code: 'RK_DATASET_MISSING' });
    await expect(withSpan('load', {}, async () => Promise.reject(error))).rejects.toBe(error);
    const [span] = exporter.getFinishedSpans();
    expect(span?.attributes['error.type']).toBe('RK_DATASET_MISSING');
    expect(span?.status).toEqual({ code: SpanStatusCode.ERROR, message: 'no such dataset' });
    expect(span?.events[0]?.name).toBe('exception');
  });

  it('records a synchronous throw of something that is no Error', () => {
    const exporter = start();
    expect(() =>
      withSpan('odd', {}, () => {
        // eslint-disable-next-line @typescript-eslint/only-throw-error -- that is what is tested
        throw 'text';
      }),
    ).toThrow('text');
    expect(exporter.getFinishedSpans()[0]?.attributes['error.type']).toBe('string');
  });

  it('takes a remote parent and links', () => {
    const exporter = start();
    const link = linkFromTraceparent('00-11111111111111111111111111111111-2222222222222222-00');
    withSpan(
      'process',
      { parent: contextFromTraceparent(remote, context.active()), links: link ? [link] : [] },
      () => undefined,
    );
    const [span] = exporter.getFinishedSpans();
    expect(span?.spanContext().traceId).toBe('0af7651916cd43dd8448eb211c80319c');
    expect(span?.parentSpanContext?.spanId).toBe('b7ad6b7169203331');
    expect(span?.links[0]?.context.traceId).toBe('11111111111111111111111111111111');
  });
});

describe('traceparent', () => {
  it.each([
    undefined,
    '',
    'x',
    remote.toUpperCase(),
    `00-${'0'.repeat(32)}-b7ad6b7169203331-01`,
    remote.replace('00-', 'ff-'),
  ])('ignores the malformed value %j instead of failing', (value) => {
    expect(spanContextFromTraceparent(value)).toBeUndefined();
    expect(contextFromTraceparent(value)).toBe(context.active());
  });

  it('accepts a later version with more fields', () => {
    expect(spanContextFromTraceparent(`${remote.replace('00-', '01-')}-extra`)?.spanId).toBe(
      'b7ad6b7169203331',
    );
  });
});
