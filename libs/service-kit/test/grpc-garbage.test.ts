import * as grpc from '@grpc/grpc-js';
import { afterEach, expect, test } from 'vitest';

import { bidi, clientStream, createGrpcServer, serverStream, unary } from '../src/index.js';
import { memoryLogger } from './echo-service.js';

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

const method = (name: string, requestStream: boolean, responseStream: boolean): object => ({
  path: `/rookery.test.v1.Careful/${name}`,
  requestStream,
  responseStream,
  requestSerialize: (bytes: Buffer) => bytes,
  requestDeserialize: (bytes: Buffer) => {
    if (bytes[0] !== 1) throw new RangeError('index out of range');
    return bytes;
  },
  responseSerialize: (bytes: Buffer) => bytes,
  responseDeserialize: (bytes: Buffer) => bytes,
});
const definition = {
  one: method('One', false, false),
  out: method('Out', false, true),
  in: method('In', true, false),
  both: method('Both', true, true),
} as grpc.ServiceDefinition;

async function client(options: { maxStreams?: number } = {}): Promise<grpc.Client> {
  const logger = memoryLogger();
  const server = createGrpcServer({ logger, ...options });
  server.addService(definition, {
    one: unary<Buffer, Buffer>((request) => request),
    out: serverStream<Buffer, Buffer>(async function* (request) {
      yield request;
    }),
    in: clientStream<Buffer, Buffer>(async (requests) => {
      let last: Buffer = Buffer.alloc(0);
      for await (const request of requests) last = request;
      return last;
    }),
    both: bidi<Buffer, Buffer>(async function* (requests) {
      yield* requests;
    }),
  });
  server.health.setReady(true);
  const port = await server.listen(0);
  const made = new grpc.Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure());
  closers.push(() => (made.close(), server.server.forceShutdown()));
  return made;
}

const identity = (bytes: Buffer): Buffer => bytes;
const good = Buffer.from([1, 2]);
const garbage = Buffer.from([9]);

test.each(['One', 'Out', 'In', 'Both'])(
  'a request that is no message of %s is its caller’s mistake: INVALID_ARGUMENT with RK_MESSAGE_MALFORMED',
  async (name) => {
    const raw = await client();
    const path = `/rookery.test.v1.Careful/${name}`;
    const send = (request: Buffer): Promise<grpc.StatusObject> =>
      new Promise((resolve) => {
        const call = raw.makeBidiStreamRequest(path, identity, identity);
        call.on('error', () => undefined);
        call.on('data', () => undefined);
        call.on('status', resolve);
        if (name === 'In' || name === 'Both') call.write(good);
        call.write(request);
        call.end();
      });
    const refused = await send(garbage);
    expect(refused.code, refused.details).toBe(grpc.status.INVALID_ARGUMENT);
    expect(refused.details).toContain('index out of range');
    expect(refused.metadata.get('rookery-error-code')).toEqual(['RK_MESSAGE_MALFORMED']);
    expect((await send(good)).code).toBe(grpc.status.OK);
  },
);

test.each(['Check', 'Watch'])('so it is for %s of the health service', async (name) => {
  const raw = await client();
  const status = await new Promise<grpc.StatusObject>((resolve) => {
    const call = raw.makeServerStreamRequest(
      `/grpc.health.v1.Health/${name}`,
      identity,
      identity,
      Buffer.from([0x0a, 0x7f]),
    );
    call.on('error', () => undefined);
    call.on('data', () => undefined);
    call.on('status', resolve);
  });
  expect(status.code).toBe(grpc.status.INVALID_ARGUMENT);
});

test.each(['In', 'Both'])(
  'calls of %s that are refused before their requests are read take no place on the connection for ever',
  async (name) => {
    const raw = await client({ maxStreams: 10 });
    for (let i = 0; i < 40; i++) {
      const status = await new Promise<grpc.StatusObject>((resolve) => {
        const call = raw.makeBidiStreamRequest(`/rookery.test.v1.Careful/${name}`, identity, identity);
        call.on('error', () => undefined);
        call.on('data', () => undefined);
        call.on('status', resolve);
        // More than the window of a stream: what nobody reads would wait for ever.
        const large = Buffer.alloc(100_000, 1);
        for (const request of [garbage, large, large, large]) call.write(request);
        call.end();
      });
      expect(status.code, `call ${i}: ${status.details}`).toBe(grpc.status.INVALID_ARGUMENT);
    }
  },
);
