import * as grpc from '@grpc/grpc-js';
import type { Meter, Tracer } from '@opentelemetry/api';
import type { Logger } from '@rookery/telemetry';
import { exitCodes, ServiceExitError } from '../lifecycle/exit-codes.js';
import { authoriseCalls } from '../security/authorise-calls.js';
import type { Authoriser } from '../security/authoriser.js';
import { compileHandler, isCompilable } from './compilable.js';
import { createHealth } from './health.js';
import type { Health, ServableHealth } from './health.js';
import { addReflection } from './reflection.js';
import { withCarefulDecoding } from './request-decoding.js';

/** Options of {@link createGrpcServer}. */
export interface GrpcServerOptions {
  logger: Logger;
  /** Default 127.0.0.1. */
  host?: string;
  /** Largest message accepted, in bytes. Default 4 MiB. */
  maxReceiveBytes?: number;
  /** Calls at once on one connection. Default 1000. */
  maxStreams?: number;
  /** Makes a span for each call. Give one only where spans are exported. */
  tracer?: Tracer;
  /** Measures `rpc.server.call.duration`. Give one only where metrics are exported. */
  meter?: Meter;
  /** Answer reflection requests. Default true. */
  reflection?: boolean;
  /** Default: plain text. */
  credentials?: grpc.ServerCredentials;
  /** Decides who may call what. Default: anybody everything, and no interceptor stands in the way. */
  authoriser?: Authoriser;
}

/** A gRPC server with health and reflection. */
export interface GrpcServer {
  /** Adds a service made of `unary`, `serverStream`, `clientStream` and `bidi` handlers (or plain grpc-js ones). Its name joins the health service. */
  addService(definition: grpc.ServiceDefinition, implementation: grpc.UntypedServiceImplementation): void;
  readonly health: Health;
  /** Names of the services added. */
  readonly services: readonly string[];
  /** The port it listens on; 0 before `listen`. */
  readonly port: number;
  /** Listens, and resolves to the port. Port 0 takes a free one. Rejects if the port is taken. */
  listen(port: number): Promise<number>;
  /** Takes no more calls, and waits for those in flight; after `timeoutMs` those left are cut. Resolves to their fate. */
  stop(timeoutMs: number): Promise<'drained' | 'forced'>;
  /** The grpc-js server. */
  readonly server: grpc.Server;
}

const durationBuckets = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** A server that does not listen yet, with the health service, and reflection unless switched off. */
export function createGrpcServer(options: GrpcServerOptions): GrpcServer {
  const server = new grpc.Server({
    'grpc.max_receive_message_length': options.maxReceiveBytes ?? 4 * 1024 * 1024,
    'grpc.max_concurrent_streams': options.maxStreams ?? 1000,
    'grpc.keepalive_time_ms': 60_000,
    'grpc.keepalive_timeout_ms': 20_000,
    'grpc.enable_channelz': 0,
    ...(options.authoriser === undefined
      ? {}
      : { interceptors: [authoriseCalls(options.authoriser, options.logger)] }),
  });
  const health: ServableHealth = createHealth();
  const services: string[] = [];
  const duration = options.meter?.createHistogram('rpc.server.call.duration', {
    unit: 's',
    description: 'Duration of gRPC calls at the server.',
    advice: { explicitBucketBoundaries: durationBuckets },
  });
  let port = 0;
  server.addService(health.definition, health.implementation);
  const closeReflection =
    options.reflection === false ? undefined : addReflection(server, () => services, options.logger);

  return {
    server,
    health,
    services,
    get port() {
      return port;
    },
    addService(definition, implementation) {
      const compiled: grpc.UntypedServiceImplementation = {};
      const careful: Record<string, grpc.MethodDefinition<unknown, unknown>> = {};
      for (const [name, method] of Object.entries(definition)) {
        const handler = implementation[name];
        if (handler === undefined)
          throw new TypeError(`The implementation of ${method.path} has no handler '${name}'.`);
        compiled[name] = compileHandler(handler, implementation, {
          path: method.path,
          logger: options.logger,
          tracer: options.tracer,
          duration,
        });
        careful[name] = isCompilable(handler) ? withCarefulDecoding(method) : method;
        const service = method.path.split('/')[1] ?? '';
        if (services.includes(service)) continue;
        services.push(service);
        if (health.status(service) === 'SERVICE_UNKNOWN') health.set(service, true);
      }
      server.addService(careful, compiled);
    },
    async listen(wanted) {
      const address = addressOf(options.host, wanted);
      const credentials = options.credentials ?? grpc.ServerCredentials.createInsecure();
      port = await new Promise<number>((resolve, reject) => {
        server.bindAsync(address, credentials, (error, bound) => {
          if (error === null) resolve(bound);
          else
            reject(
              new ServiceExitError(
                exitCodes.unavailable,
                `gRPC cannot listen on ${address}: ${error.message}. Is another instance running? Choose another port, or stop that one.`,
                { cause: error },
              ),
            );
        });
      });
      return port;
    },
    async stop(timeoutMs) {
      health.endWatches();
      closeReflection?.();
      // Without channelz, forceShutdown of grpc-js 1.14 does not know its connections. drain does: it ends each one when
      // its calls have ended, and resets what is left after the time, so it must be called before tryShutdown.
      if (port !== 0) server.drain(addressOf(options.host, port), timeoutMs);
      let outcome: 'drained' | 'forced' = 'drained';
      let timer: NodeJS.Timeout | undefined;
      const timeout = new Promise<void>((resolve) => {
        timer = setTimeout(() => {
          outcome = 'forced';
          setImmediate(resolve);
        }, timeoutMs);
      });
      await Promise.race([new Promise<void>((resolve) => server.tryShutdown(() => resolve())), timeout]);
      clearTimeout(timer);
      return outcome;
    },
  };
}

function addressOf(host = '127.0.0.1', port = 0): string {
  return `${host.includes(':') && !host.startsWith('[') ? `[${host}]` : host}:${port}`;
}
