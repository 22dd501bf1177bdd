import type { EventEmitter } from 'node:events';
import type * as grpc from '@grpc/grpc-js';
import { ServerCallContext } from './call-context.js';
import { compilable } from './compilable.js';
import type { BidiHandler, ClientStreamHandler, ServerStreamHandler, UnaryHandler } from './handler-types.js';
import { closeScope, failScope, openScope, within } from './method-scope.js';
import type { Method, Scope } from './method-scope.js';
import { decoded, eachDecoded } from './request-decoding.js';

/*
 * Handlers for `kit.grpc.addService`. All four: a thrown error becomes a gRPC status (see statusOfError), the caller's
 * trace is active while the handler runs, the handler gets a signal for cancellation and deadline, and a request that can't
 * be decoded is answered with RK_MESSAGE_MALFORMED.
 */

/** Handler of a unary method. */
export function unary<Req, Res>(handler: UnaryHandler<Req, Res>): grpc.handleUnaryCall<Req, Res> {
  return compilable<grpc.handleUnaryCall<Req, Res>>((method) => (call, callback) => {
    const scope = openScope(method, call.metadata);
    const context = new ServerCallContext(call, method.logger);
    if (scope === undefined) answer(method, scope, context, handler, call.request, callback);
    else within(scope, () => answer(method, scope, context, handler, call.request, callback));
  });
}

/** Handler of a method that streams responses. An error after some responses ends the stream with that status. */
export function serverStream<Req, Res>(
  handler: ServerStreamHandler<Req, Res>,
): grpc.handleServerStreamingCall<Req, Res> {
  return compilable<grpc.handleServerStreamingCall<Req, Res>>((method) => (call) => {
    const scope = openScope(method, call.metadata);
    const context = new ServerCallContext(call, method.logger);
    void within(scope, () =>
      pump(method, scope, context, call, () => handler(decoded(call.request), context)),
    );
  });
}

/** Handler of a method that streams requests. Answering or throwing before the last request ends the call. */
export function clientStream<Req, Res>(
  handler: ClientStreamHandler<Req, Res>,
): grpc.handleClientStreamingCall<Req, Res> {
  return compilable<grpc.handleClientStreamingCall<Req, Res>>((method) => (call, callback) => {
    const scope = openScope(method, call.metadata);
    const context = new ServerCallContext(call, method.logger);
    within(scope, () => answer(method, scope, context, handler, eachDecoded<Req>(call), callback));
  });
}

/** Handler of a method that streams both ways. */
export function bidi<Req, Res>(handler: BidiHandler<Req, Res>): grpc.handleBidiStreamingCall<Req, Res> {
  return compilable<grpc.handleBidiStreamingCall<Req, Res>>((method) => (call) => {
    const scope = openScope(method, call.metadata);
    const context = new ServerCallContext(call, method.logger);
    // The end of the requests must not destroy the call: its last responses are still to be written.
    const requests = eachDecoded(call.iterator({ destroyOnReturn: false }) as AsyncIterable<Req>);
    void within(scope, () => pump(method, scope, context, call, () => handler(requests, context)));
  });
}

function answer<In, Res>(
  method: Method,
  scope: Scope | undefined,
  context: ServerCallContext,
  handler: (input: In, context: ServerCallContext) => Promise<Res> | Res,
  input: In,
  callback: grpc.sendUnaryData<Res>,
): void {
  let result: Promise<Res> | Res;
  try {
    result = handler(decoded(input), context);
  } catch (error) {
    callback(failScope(method, scope, error, context.cancelled));
    return;
  }
  if (result instanceof Promise) {
    result.then(
      (response) => {
        closeScope(method, scope);
        callback(null, response);
      },
      (error: unknown) => callback(failScope(method, scope, error, context.cancelled)),
    );
    return;
  }
  closeScope(method, scope);
  callback(null, result);
}

interface ResponseSink<Res> extends EventEmitter {
  readonly cancelled: boolean;
  write(message: Res): boolean;
  end(): void;
}

async function pump<Res>(
  method: Method,
  scope: Scope | undefined,
  context: ServerCallContext,
  call: ResponseSink<Res>,
  responses: () => AsyncIterable<Res>,
): Promise<void> {
  try {
    for await (const response of responses()) {
      if (call.cancelled) break;
      if (!call.write(response)) await writable(call);
    }
  } catch (error) {
    call.emit('error', failScope(method, scope, error, context.cancelled));
    return;
  }
  closeScope(method, scope);
  call.end();
}

/** Resolves when `call` takes more, or will never. */
function writable(call: EventEmitter & { readonly cancelled: boolean }): Promise<void> {
  return new Promise((resolve) => {
    const events = ['drain', 'cancelled', 'close', 'error'];
    const done = (): void => {
      for (const event of events) call.off(event, done);
      resolve();
    };
    for (const event of events) call.on(event, done);
    if (call.cancelled) done();
  });
}
