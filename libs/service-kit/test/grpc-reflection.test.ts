import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import * as grpc from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { afterEach, describe, expect, it } from 'vitest';
import { createGrpcServer, unary } from '../src/index.js';
import { memoryLogger } from './echo-service.js';

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

interface Response {
  listServicesResponse?: { service: { name: string }[] };
  fileDescriptorResponse?: { fileDescriptorProto: Buffer[] };
  errorResponse?: { errorCode: number };
}
interface ReflectionClient extends grpc.Client {
  serverReflectionInfo(): grpc.ClientDuplexStream<object, Response>;
}

const protoFolder = join(
  dirname(createRequire(import.meta.url).resolve('@grpc/reflection')),
  '../proto/grpc/reflection',
);
const identity = (bytes: Buffer): Buffer => bytes;

async function reflection(version: 'v1' | 'v1alpha', enabled = true): Promise<ReflectionClient> {
  const server = createGrpcServer({ logger: memoryLogger(), reflection: enabled });
  const path = '/rookery.registry.v1.RegistryService/Anything';
  server.addService(
    {
      anything: {
        path,
        requestStream: false,
        responseStream: false,
        requestSerialize: identity,
        requestDeserialize: identity,
        responseSerialize: identity,
        responseDeserialize: identity,
      },
    },
    { anything: unary<Buffer, Buffer>((request) => request) },
  );
  const port = await server.listen(0);
  const definition = loadSync(join(protoFolder, version, 'reflection.proto'));
  const Client = grpc.makeGenericClientConstructor(
    definition[`grpc.reflection.${version}.ServerReflection`] as grpc.ServiceDefinition,
    'Reflection',
  );
  const client = new Client(
    `127.0.0.1:${port}`,
    grpc.credentials.createInsecure(),
  ) as unknown as ReflectionClient;
  closers.push(() => (client.close(), server.server.forceShutdown()));
  return client;
}

async function ask(client: ReflectionClient, ...requests: object[]): Promise<Response[]> {
  const call = client.serverReflectionInfo();
  for (const request of requests) call.write(request);
  call.end();
  const responses: Response[] = [];
  for await (const response of call as AsyncIterable<Response>) responses.push(response);
  return responses;
}

describe('reflection', () => {
  it.each(['v1', 'v1alpha'] as const)(
    'lists the services of this server and describes them, to a stock %s client',
    async (version) => {
      const client = await reflection(version);
      const [list, file, missing] = await ask(
        client,
        { listServices: '' },
        { fileContainingSymbol: 'rookery.registry.v1.RegistryService' },
        { fileContainingSymbol: 'no.such.Symbol' },
      );
      expect(list?.listServicesResponse?.service.map(({ name }) => name)).toEqual([
        'rookery.registry.v1.RegistryService',
      ]);
      expect(
        Buffer.concat(file?.fileDescriptorResponse?.fileDescriptorProto ?? []).toString('latin1'),
      ).toContain('RegistryService');
      expect(missing?.errorResponse?.errorCode).toBe(grpc.status.NOT_FOUND);
    },
  );

  it('is not there where it is switched off', async () => {
    await expect(ask(await reflection('v1', false), { listServices: '' })).rejects.toMatchObject({
      code: grpc.status.UNIMPLEMENTED,
    });
  });
});
