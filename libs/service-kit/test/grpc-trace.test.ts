import * as grpc from '@grpc/grpc-js';
import { SpanKind, trace } from '@opentelemetry/api';
import { currentTraceparent, startTelemetry, withSpan } from '@rookery/telemetry';
import type { Telemetry } from '@rookery/telemetry';
import { afterEach, describe, expect, it } from 'vitest';
import { callUnary, createGrpcClient, createGrpcServer, traceInterceptor, unary } from '../src/index.js';
import { echoServer, EchoClient, memoryLogger } from './echo-service.js';

let telemetry: Telemetry | undefined;
const closers: (() => void)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) close();
  await telemetry?.shutdown();
  telemetry = undefined;
});

interface Ended {
  name: string;
  kind: SpanKind;
  traceId: string;
  spanId: string;
  parent: string | undefined;
  attributes: Record<string, unknown>;
}

/** Telemetry whose sampled spans are kept. */
function start(): Ended[] {
  const spans: Ended[] = [];
  const idle = async (): Promise<void> => undefined;
  telemetry = startTelemetry({
    serviceName: 'test',
    env: {},
    spanProcessors: [
      {
        onStart: () => undefined,
        onEnd: (span) =>
          void spans.push({
            name: span.name,
            kind: span.kind,
            ...span.spanContext(),
            parent: span.parentSpanContext?.spanId,
            attributes: { ...span.attributes },
          }),
        forceFlush: idle,
        shutdown: idle,
      },
    ],
  });
  return spans;
}

describe('trace of a gRPC call', () => {
  it('is one trace from the caller through client and server span into the handler', async () => {
    const spans = start();
    const seen: (string | undefined)[] = [];
    const { server, address } = await echoServer(
      {
        one: unary<string, string>(async (request) => {
          await new Promise((resolve) => setImmediate(resolve));
          seen.push(currentTraceparent());
          return request;
        }),
      },
      { tracer: trace.getTracer('server') },
    );
    const client = createGrpcClient(EchoClient, address);
    closers.push(() => (client.close(), server.server.forceShutdown()));
    const root = await withSpan('caller', {}, async (span) => {
      await callUnary(client, 'one', 'x');
      return span.spanContext();
    });
    const clientSpan = spans.find((span) => span.kind === SpanKind.CLIENT);
    const serverSpan = spans.find((span) => span.kind === SpanKind.SERVER);
    expect(new Set(spans.map((span) => span.traceId))).toEqual(new Set([root.traceId]));
    expect([clientSpan?.parent, serverSpan?.parent]).toEqual([root.spanId, clientSpan?.spanId]);
    expect(serverSpan).toMatchObject({
      name: 'rookery.test.v1.EchoService/One',
      attributes: { 'rpc.response.status_code': 'OK' },
    });
    expect(seen[0]).toContain(serverSpan?.spanId);
  });

  it('passes the trace of the caller to the handler where no span is exported', async () => {
    telemetry = startTelemetry({ serviceName: 'test', env: {} });
    let seen: string | undefined;
    const { server, client } = await echoServer(
      { one: unary<string, string>((request) => ((seen = currentTraceparent()), request)) },
      {},
      { interceptors: [traceInterceptor] },
    );
    closers.push(() => (client.close(), server.server.forceShutdown()));
    const traceId = await withSpan('caller', {}, async (span) => {
      await callUnary(client, 'one', 'x');
      return span.spanContext().traceId;
    });
    expect(seen).toContain(traceId);
  });

  it('marks both spans of a failed call with error.type', async () => {
    const spans = start();
    const { server, client } = await echoServer(
      { one: unary<string, string>(() => Promise.reject(new RangeError('no'))) },
      { tracer: trace.getTracer('server') },
      { interceptors: [traceInterceptor] },
    );
    closers.push(() => (client.close(), server.server.forceShutdown()));
    await expect(callUnary(client, 'one', 'x')).rejects.toMatchObject({ code: grpc.status.INTERNAL });
    expect(spans.map((span) => [span.kind, span.attributes['error.type']]).sort()).toEqual(
      [
        [SpanKind.SERVER, 'RangeError'],
        [SpanKind.CLIENT, 'INTERNAL'],
      ].sort(),
    );
  });
});

describe('OTLP over gRPC', () => {
  it('sends spans to a gRPC collector', async () => {
    const server = createGrpcServer({ logger: memoryLogger() });
    let resolveBody!: (body: Buffer) => void;
    const received = new Promise<Buffer>((resolve) => (resolveBody = resolve));
    const identity = (bytes: Buffer): Buffer => bytes;
    server.addService(
      {
        export: {
          path: '/opentelemetry.proto.collector.trace.v1.TraceService/Export',
          requestStream: false,
          responseStream: false,
          requestSerialize: identity,
          requestDeserialize: identity,
          responseSerialize: identity,
          responseDeserialize: identity,
        },
      },
      { export: unary<Buffer, Buffer>((body) => (resolveBody(body), Buffer.alloc(0))) },
    );
    const port = await server.listen(0);
    closers.push(() => server.server.forceShutdown());
    telemetry = startTelemetry({
      serviceName: 'test',
      env: {
        OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `http://127.0.0.1:${port}`,
        OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc',
      },
    });
    await telemetry.ready;
    withSpan('over gRPC', {}, () => undefined);
    expect((await received).toString('latin1')).toContain('over gRPC');
  });
});
