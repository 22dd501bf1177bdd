import { EventEmitter } from 'node:events';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import * as grpc from '@grpc/grpc-js';
import type { Logger } from '@rookery/telemetry';

type RawStream = grpc.ServerDuplexStream<Buffer, Buffer>;

/** One version of the reflection service, loaded: decodes a request, answers it, encodes the response. */
type Answer = (request: Buffer) => Buffer | undefined;

const versions = ['v1', 'v1alpha'] as const;
const identity = (bytes: Buffer): Buffer => bytes;

/**
 * Adds gRPC server reflection, v1 and v1alpha, to `server`. Nothing is loaded before the first request: @grpc/reflection
 * and protobufjs would double the start-up time of a service that nobody inspects. Lists the services of `services()`
 * that the generated descriptor set knows, at the time of the first request. Returns a function that ends open streams.
 */
export function addReflection(
  server: grpc.Server,
  services: () => readonly string[],
  logger: Logger,
): () => void {
  const open = new Set<RawStream>();
  let loading: Promise<ReadonlyMap<string, Answer>> | undefined;
  for (const version of versions) {
    const path = `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`;
    const handler = (call: RawStream): void => {
      open.add(call);
      for (const event of ['end', 'cancelled', 'error']) call.on(event, () => open.delete(call));
      loading ??= loadReflection(services());
      loading.then(
        (answers) => serve(call, answers.get(path)),
        (error: unknown) => {
          loading = undefined;
          logger.warn({ err: error }, 'reflection is not available');
          call.emit('error', {
            code: grpc.status.UNIMPLEMENTED,
            details: 'Reflection is not available on this server.',
          });
        },
      );
    };
    server.addService(
      {
        info: {
          path,
          requestStream: true,
          responseStream: true,
          requestSerialize: identity,
          requestDeserialize: identity,
          responseSerialize: identity,
          responseDeserialize: identity,
        },
      },
      { info: handler },
    );
  }
  return () => {
    for (const call of open) call.end();
  };
}

function serve(call: RawStream, answer: Answer | undefined): void {
  call.on('data', (request: Buffer) => {
    try {
      const response = answer?.(request);
      if (response !== undefined) call.write(response);
    } catch {
      call.emit('error', {
        code: grpc.status.INVALID_ARGUMENT,
        details: 'The reflection request cannot be decoded.',
      });
    }
  });
  call.on('end', () => call.end());
}

async function loadReflection(services: readonly string[]): Promise<ReadonlyMap<string, Answer>> {
  const [{ loadFileDescriptorSetFromBuffer }, { ReflectionService }, descriptor] = await Promise.all([
    import('@grpc/proto-loader'),
    import('@grpc/reflection'),
    readFile(descriptorPath()),
  ]);
  const service = new ReflectionService(loadFileDescriptorSetFromBuffer(descriptor), {
    services: [...services],
  });
  const answers = new Map<string, Answer>();
  service.addToServer({
    addService(definition: grpc.ServiceDefinition, implementation: grpc.UntypedServiceImplementation): void {
      for (const [name, method] of Object.entries(definition)) {
        answers.set(
          method.path,
          answerOf(method, implementation[name] ?? implementation[method.originalName ?? '']),
        );
      }
    },
  });
  return answers;
}

/** Drives the library's stream handler with a stream of one request: it answers each message at once. */
function answerOf(
  method: grpc.MethodDefinition<unknown, unknown>,
  handler: grpc.UntypedHandleCall | undefined,
): Answer {
  let response: Buffer | undefined;
  const stream = Object.assign(new EventEmitter(), {
    write(message: unknown): boolean {
      response = method.responseSerialize(message);
      return true;
    },
    end(): void {},
  });
  (handler as unknown as (call: unknown) => void)(stream);
  return (request) => {
    response = undefined;
    stream.emit('data', method.requestDeserialize(request));
    return response;
  };
}

/** The descriptor set: beside the bundle, where the bundler has put it, else in the proto package. */
function descriptorPath(): string {
  const beside = fileURLToPath(new URL('./descriptor.binpb', import.meta.url));
  return existsSync(beside) ? beside : createRequire(import.meta.url).resolve('@rookery/proto/descriptor');
}
