import * as grpc from '@grpc/grpc-js';
import { context, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { attr, currentTraceparent, spanName, tracer } from '@rookery/telemetry';
import { tokenInterceptor } from '../security/peers.js';
import type { Peers } from '../security/peers.js';

/** Options of {@link createGrpcClient}. */
export interface GrpcClientOptions {
  /** Default: plain text, which is for the loopback interface and for a mesh that encrypts. */
  credentials?: grpc.ChannelCredentials;
  /** TLS and token of the caller; wins over `credentials`. */
  peers?: Peers;
  /** Largest response accepted, in bytes. Default 64 MiB. */
  maxReceiveBytes?: number;
  /** More channel options; win over the default ones. */
  channel?: grpc.ChannelOptions;
}

/** Channel options of every client of Rookery: no channelz, quick reconnects, keepalive while calls are in flight. */
export function channelOptions(options: GrpcClientOptions = {}): grpc.ChannelOptions {
  return {
    'grpc.enable_channelz': 0,
    'grpc.max_receive_message_length': options.maxReceiveBytes ?? 64 * 1024 * 1024,
    'grpc.initial_reconnect_backoff_ms': 100,
    'grpc.max_reconnect_backoff_ms': 5000,
    'grpc.keepalive_time_ms': 60_000,
    'grpc.keepalive_timeout_ms': 20_000,
    ...options.channel,
  };
}

/**
 * A client of a generated service (`createGrpcClient(RegistryServiceClient, '127.0.0.1:7073')`) whose calls carry the
 * active trace and make a client span. Connects when first used; `close()` it.
 */
export function createGrpcClient<C>(
  constructor: new (address: string, credentials: grpc.ChannelCredentials, options?: grpc.ClientOptions) => C,
  address: string,
  options: GrpcClientOptions = {},
): C {
  const { peers } = options;
  peers?.check(address);
  const credentials = peers?.credentials ?? options.credentials ?? grpc.credentials.createInsecure();
  return new constructor(address, credentials, {
    ...channelOptions(options),
    interceptors: [traceInterceptor, ...(peers === undefined ? [] : [tokenInterceptor(peers.token)])],
  });
}

/** Client interceptor: a CLIENT span for each call, and its `traceparent` in the metadata. */
export function traceInterceptor(
  options: grpc.InterceptorOptions,
  nextCall: grpc.NextCall,
): grpc.InterceptingCall {
  const path = options.method_definition.path;
  const span = tracer('@rookery/service-kit').startSpan(spanName.rpc(path), {
    kind: SpanKind.CLIENT,
    attributes: { [attr.rpcSystem]: 'grpc', [attr.rpcMethod]: spanName.rpc(path) },
  });
  const active = trace.setSpan(context.active(), span);
  return new grpc.InterceptingCall(nextCall(options), {
    start(metadata, _listener, next) {
      const traceparent = currentTraceparent(active);
      if (traceparent !== undefined) metadata.set('traceparent', traceparent);
      next(metadata, {
        onReceiveStatus(status, forward) {
          const name = grpc.status[status.code];
          span.setAttribute(attr.rpcStatusCode, name);
          if (status.code !== grpc.status.OK) {
            span.setAttribute(attr.errorType, String(status.metadata.get('rookery-error-code')[0] ?? name));
            span.setStatus({ code: SpanStatusCode.ERROR, message: status.details });
          }
          span.end();
          forward(status);
        },
      });
    },
  });
}
