import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { metrics } from '@opentelemetry/api';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { createLogger, exportPlanOf, startTelemetry, withSpan } from '../src/index.js';
import type { Telemetry } from '../src/index.js';

let telemetry: Telemetry | undefined;
let server: Server | undefined;
afterEach(async () => {
  await telemetry?.shutdown();
  telemetry = undefined;
  server?.closeAllConnections();
  await new Promise((resolve) => (server === undefined ? resolve(undefined) : server.close(resolve)));
  server = undefined;
});

// Read when the exporters are loaded: a collector that is not there fails an export after this time.
beforeAll(() => vi.stubEnv('OTEL_EXPORTER_OTLP_TIMEOUT', '200'));

async function listen(handler: Parameters<typeof createServer>[1]): Promise<string> {
  server = createServer(handler);
  await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe('OTLP export', () => {
  it('sends traces, metrics and logs to the collector that the environment names', async () => {
    const bodies = new Map<string, string>();
    const url = await listen((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        bodies.set(
          request.url ?? '',
          (bodies.get(request.url ?? '') ?? '') + Buffer.concat(chunks).toString('latin1'),
        );
        response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end();
      });
    });
    telemetry = startTelemetry({
      serviceName: 'ingest',
      env: { OTEL_EXPORTER_OTLP_ENDPOINT: url, OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment=a%20test' },
    });
    withSpan('span before the exporters are loaded', {}, () => undefined);
    await telemetry.ready;
    metrics.getMeter('m').createCounter('rookery.test.count').add(2);
    const logger = createLogger({ name: 'ingest', stream: { write: () => undefined } });
    withSpan('span after', {}, () => logger.info({ run: 'run-7' }, 'a mirrored line'));
    await telemetry.flush();

    expect(bodies.get('/v1/traces')).toContain('span before the exporters are loaded');
    expect(bodies.get('/v1/traces')).toContain('span after');
    expect(bodies.get('/v1/traces')).toContain('a test');
    expect(bodies.get('/v1/metrics')).toContain('rookery.test.count');
    expect(bodies.get('/v1/logs')).toContain('a mirrored line');
    expect(bodies.get('/v1/logs')).toContain('run-7');
  });

  it('says once that the collector does not answer, and shuts down all the same', async () => {
    const url = await listen(() => undefined);
    await new Promise((resolve) => server?.close(resolve));
    server = undefined;
    const warnings: string[] = [];
    telemetry = startTelemetry({
      serviceName: 'test',
      env: { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${url}/v1/traces` },
      logger: {
        warn: (_fields: object | string, message?: string) => void warnings.push(String(message)),
        info: () => undefined,
      },
    });
    await telemetry.ready;
    for (let round = 0; round < 3; round += 1) {
      withSpan('lost', {}, () => undefined);
      await telemetry.flush(5000);
    }
    await telemetry.shutdown(5000);
    expect(warnings).toEqual([expect.stringContaining('telemetry cannot be exported')]);
  });

  it('shuts down in bounded time where the collector takes the request and never answers', async () => {
    const url = await listen(() => undefined);
    telemetry = startTelemetry({ serviceName: 'test', env: { OTEL_EXPORTER_OTLP_ENDPOINT: url } });
    await telemetry.ready;
    withSpan('stuck', {}, () => undefined);
    await expect(telemetry.shutdown(100)).resolves.toBeUndefined();
  });
});

describe('exportPlanOf', () => {
  it('exports nothing without an endpoint', () => {
    expect(exportPlanOf({ OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' })).toEqual({});
  });

  it('appends the path for HTTP, and takes the address as it is for gRPC', () => {
    expect(exportPlanOf({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:4318/' }).traces).toEqual({
      url: 'http://c:4318/v1/traces',
      protocol: 'http/protobuf',
    });
    expect(
      exportPlanOf({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:4317', OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' })
        .metrics,
    ).toEqual({ url: 'http://c:4317', protocol: 'grpc' });
  });

  it('takes the endpoint of one signal as it is, and leaves the others off', () => {
    expect(exportPlanOf({ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://c/x' })).toEqual({
      traces: { url: 'http://c/x', protocol: 'http/protobuf' },
    });
  });

  it('leaves a signal off whose exporter is none', () => {
    expect(
      Object.keys(exportPlanOf({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c', OTEL_LOGS_EXPORTER: 'none' })),
    ).toEqual(['traces', 'metrics']);
  });
});
