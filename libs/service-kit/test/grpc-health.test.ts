import * as grpc from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { protoPath } from 'grpc-health-check';
import { afterEach, describe, expect, it } from 'vitest';
import { checkHealth, unary, waitUntilServing } from '../src/index.js';
import { echoServer, memoryLogger } from './echo-service.js';

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

/** A client made from the official .proto file, which knows nothing of our codec. */
interface StockClient extends grpc.Client {
  check(
    request: { service: string },
    callback: (error: grpc.ServiceError | null, response?: { status: string }) => void,
  ): void;
  list(
    request: object,
    callback: (
      error: grpc.ServiceError | null,
      response?: { statuses: Record<string, { status: string }> },
    ) => void,
  ): void;
  watch(request: { service: string }): grpc.ClientReadableStream<{ status: string }>;
}

async function stock(): Promise<{
  client: StockClient;
  server: Awaited<ReturnType<typeof echoServer>>['server'];
  address: string;
}> {
  const {
    server,
    address,
    client: echo,
  } = await echoServer({ one: unary<string, string>((request) => request) });
  const definition = loadSync(protoPath, { enums: String, defaults: true });
  const Client = grpc.makeGenericClientConstructor(
    definition['grpc.health.v1.Health'] as grpc.ServiceDefinition,
    'Health',
  );
  const client = new Client(address, grpc.credentials.createInsecure()) as unknown as StockClient;
  closers.push(() => (client.close(), echo.close(), server.server.forceShutdown()));
  return { client, server, address };
}

const check = (client: StockClient, service: string): Promise<string> =>
  new Promise((resolve) =>
    client.check({ service }, (error, response) =>
      resolve(error === null ? (response?.status ?? '') : grpc.status[error.code]),
    ),
  );

describe('health', () => {
  it('says NOT_SERVING until ready, then SERVING for the server and each service, to a stock client', async () => {
    const { client, server } = await stock();
    expect(await check(client, '')).toBe('NOT_SERVING');
    server.health.setReady(true);
    expect(await check(client, '')).toBe('SERVING');
    expect(await check(client, 'rookery.test.v1.EchoService')).toBe('SERVING');
    expect(await check(client, 'no.such.Service')).toBe('NOT_FOUND');
  });

  it('keeps one service NOT_SERVING that said so itself', async () => {
    const { client, server } = await stock();
    server.health.set('rookery.test.v1.EchoService', false);
    server.health.setReady(true);
    expect(await check(client, 'rookery.test.v1.EchoService')).toBe('NOT_SERVING');
    expect(await check(client, '')).toBe('SERVING');
  });

  it('lists all services with their status', async () => {
    const { client, server } = await stock();
    server.health.setReady(true);
    const statuses = await new Promise((resolve, reject) =>
      client.list({}, (error, response) => (error === null ? resolve(response?.statuses) : reject(error))),
    );
    expect(statuses).toEqual({
      '': { status: 'SERVING' },
      'rookery.test.v1.EchoService': { status: 'SERVING' },
    });
  });

  it('tells a watcher of each change, and ends its stream when the server stops', async () => {
    const { client, server } = await stock();
    const seen: string[] = [];
    const stream = client.watch({ service: '' });
    const ended = new Promise((resolve) => stream.on('end', resolve));
    const twice = new Promise<void>((resolve) => {
      stream.on('data', ({ status }: { status: string }) => {
        seen.push(status);
        if (seen.length === 1) server.health.setReady(true);
        if (seen.length === 2) resolve();
      });
    });
    await twice;
    expect(await server.stop(5000)).toBe('drained');
    await ended;
    expect(seen).toEqual(['NOT_SERVING', 'SERVING']);
  });

  it('is read by checkHealth and waitUntilServing', async () => {
    const { server, address } = await stock();
    expect(await checkHealth(address)).toEqual({ status: 'NOT_SERVING' });
    expect(await checkHealth(address, 'no.such.Service')).toEqual({ status: 'SERVICE_UNKNOWN' });
    await expect(waitUntilServing(address, '', 10)).rejects.toThrow('NOT_SERVING');
    const waiting = waitUntilServing(address, '', 5000);
    server.health.setReady(true);
    await waiting;
  });

  it('tells when and from what the database was built, beside an answer that a stock client reads as before', async () => {
    const { client, server, address } = await stock();
    const rebuilt = { atMs: 1_700_000_000_000, events: 12, skipped: 1, through: { ML_EVENTS: 40 } };
    server.health.setRebuilt(rebuilt);
    expect(await checkHealth(address)).toEqual({ status: 'NOT_SERVING', rebuilt });
    server.health.setReady(true);
    expect(await checkHealth(address)).toEqual({ status: 'SERVING', rebuilt });
    expect(await check(client, '')).toBe('SERVING');
  });

  it('reports a server that is not there as UNREACHABLE, without an exception', async () => {
    const { server, address } = await stock();
    await server.stop(1000);
    expect(await checkHealth(address, '', 500)).toMatchObject({ status: 'UNREACHABLE' });
  });
});

describe('listening', () => {
  it('refuses a port that is taken, naming it', async () => {
    const first = await stock();
    const second = await echoServer({});
    closers.push(() => (second.client.close(), second.server.server.forceShutdown()));
    const { createGrpcServer } = await import('../src/index.js');
    const third = createGrpcServer({ logger: memoryLogger() });
    await expect(third.listen(first.server.port)).rejects.toThrow(
      `gRPC cannot listen on 127.0.0.1:${first.server.port}`,
    );
  });
});

describe('graceful stop', () => {
  it('lets calls in flight end', async () => {
    let release!: () => void;
    const gate = new Promise<void>((resolve) => (release = resolve));
    let started!: () => void;
    const running = new Promise<void>((resolve) => (started = resolve));
    let count = 0;
    const { server, client } = await echoServer({
      one: unary<string, string>(async (request) => {
        if ((count += 1) === 20) started();
        await gate;
        return request;
      }),
    });
    closers.push(() => client.close());
    const calls = Array.from(
      { length: 20 },
      (_, i) =>
        new Promise<string>((resolve, reject) =>
          client.one(`${i}`, new grpc.Metadata(), {}, (error, response) =>
            error === null ? resolve(response) : reject(error),
          ),
        ),
    );
    await running;
    const stopped = server.stop(10_000);
    release();
    expect(await Promise.all(calls)).toEqual(Array.from({ length: 20 }, (_, i) => `${i}`));
    expect(await stopped).toBe('drained');
  });

  it('cuts calls that do not end in time', async () => {
    let started!: () => void;
    const running = new Promise<void>((resolve) => (started = resolve));
    const { server, client } = await echoServer({
      one: unary<string, string>(() => new Promise(() => started())),
    });
    closers.push(() => client.close());
    const call = new Promise<number>((resolve) =>
      client.one('x', new grpc.Metadata(), {}, (error) => resolve(error?.code ?? 0)),
    );
    await running;
    expect(await server.stop(20)).toBe('forced');
    expect(await call).not.toBe(0);
  });
});
