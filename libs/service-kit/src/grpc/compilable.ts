import type * as grpc from '@grpc/grpc-js';
import type { Logger } from '@rookery/telemetry';
import type { Method } from './method-scope.js';

/**
 * A handler is written before its server exists, yet wants to know its method's path, logger and tracer, and a closure
 * for each call would cost more than the call. So each wrapped handler is kept as a function of its method, and the
 * server compiles it once, when the service is added.
 */
const compilers = new WeakMap<object, (method: Method) => unknown>();

const silent = (): void => undefined;
const noLogger: Logger = {
  trace: silent,
  debug: silent,
  info: silent,
  warn: silent,
  error: silent,
  fatal: silent,
  child: () => noLogger,
  isLevelEnabled: () => false,
  level: 'silent',
};

/** A handler that works alone (without log and trace) and that {@link compileHandler} can make again for a method. */
export function compilable<H extends object>(compile: (method: Method) => H): H {
  const handler = compile({ path: '', logger: noLogger, tracer: undefined, duration: undefined });
  compilers.set(handler, compile);
  return handler;
}

/** The handler for `method`; a plain grpc-js handler is only bound to its `implementation`. */
export function compileHandler(
  handler: grpc.UntypedHandleCall,
  implementation: object,
  method: Method,
): grpc.UntypedHandleCall {
  const compile = compilers.get(handler);
  return (compile === undefined ? handler.bind(implementation) : compile(method)) as grpc.UntypedHandleCall;
}

/** Whether the handler is one of ours: it knows what an undecodable request is. */
export function isCompilable(handler: grpc.UntypedHandleCall): boolean {
  return compilers.has(handler);
}
