import * as grpc from '@grpc/grpc-js';
import { createGrpcServer } from '../src/index.js';
import type { GrpcServer, GrpcServerOptions } from '../src/index.js';

const serialize = (value: string): Buffer => Buffer.from(value);
const deserialize = (bytes: Buffer): string => bytes.toString();

function method(
  name: string,
  requestStream: boolean,
  responseStream: boolean,
): grpc.MethodDefinition<string, string> {
  return {
    path: `/rookery.test.v1.EchoService/${name}`,
    requestStream,
    responseStream,
    requestSerialize: serialize,
    requestDeserialize: deserialize,
    responseSerialize: serialize,
    responseDeserialize: deserialize,
  };
}

/** A service of strings with one method of each kind, as ts-proto would generate it. */
export const echoService = {
  one: method('One', false, false),
  out: method('Out', false, true),
  in: method('In', true, false),
  both: method('Both', true, true),
} as const;

export interface EchoClient extends grpc.Client {
  one(
    request: string,
    metadata: grpc.Metadata,
    options: Partial<grpc.CallOptions>,
    callback: (error: grpc.ServiceError | null, response: string) => void,
  ): grpc.ClientUnaryCall;
  out(request: string): grpc.ClientReadableStream<string>;
  in(
    callback: (error: grpc.ServiceError | null, response: string) => void,
  ): grpc.ClientWritableStream<string>;
  both(): grpc.ClientDuplexStream<string, string>;
}

export const EchoClient = grpc.makeGenericClientConstructor(echoService, 'Echo') as unknown as new (
  address: string,
  credentials: grpc.ChannelCredentials,
  options?: grpc.ClientOptions,
) => EchoClient;

const quiet = (): void => undefined;

/** A logger that keeps what was logged. */
export function memoryLogger(): GrpcServerOptions['logger'] & {
  lines: { level: string; fields: Record<string, unknown>; message: string }[];
} {
  const lines: { level: string; fields: Record<string, unknown>; message: string }[] = [];
  const at = (level: string) => (fields: object | string, message?: string) =>
    void lines.push({
      level,
      fields: typeof fields === 'object' ? { ...fields } : {},
      message: message ?? (typeof fields === 'string' ? fields : ''),
    });
  const logger = {
    trace: quiet,
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    fatal: at('fatal'),
    isLevelEnabled: () => true,
    level: 'debug',
    lines,
    child: () => logger,
  };
  return logger;
}

/** A listening server with `implementation`, and a client of it. */
export async function echoServer(
  implementation: Partial<Record<keyof typeof echoService, grpc.UntypedHandleCall>>,
  options: Partial<GrpcServerOptions> = {},
  clientOptions: grpc.ClientOptions = {},
): Promise<{ server: GrpcServer; client: EchoClient; address: string }> {
  const server = createGrpcServer({ logger: memoryLogger(), ...options });
  const unused: grpc.handleUnaryCall<string, string> = (_call, callback) =>
    callback({ code: grpc.status.UNIMPLEMENTED });
  server.addService(echoService, { one: unused, out: unused, in: unused, both: unused, ...implementation });
  const address = `127.0.0.1:${await server.listen(0)}`;
  return {
    server,
    address,
    client: new EchoClient(address, grpc.credentials.createInsecure(), clientOptions),
  };
}
