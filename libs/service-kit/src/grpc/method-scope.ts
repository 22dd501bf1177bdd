import * as grpc from '@grpc/grpc-js';
import { context, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import type { Context, Histogram, Span, Tracer } from '@opentelemetry/api';
import { attr, contextFromTraceparent, errorTypeOf, spanName } from '@rookery/telemetry';
import type { Logger } from '@rookery/telemetry';
import { statusOfError } from './error-status.js';
import type { ErrorStatus } from './error-status.js';

/** What is known of a method before any call: made once, when the service is added to the server. */
export interface Method {
  readonly path: string;
  readonly logger: Logger;
  /** Only where spans are exported. */
  readonly tracer: Tracer | undefined;
  /** `rpc.server.call.duration`, only where metrics are exported. */
  readonly duration: Histogram | undefined;
}

/** Trace and measurement of one call. */
export interface Scope {
  readonly context: Context;
  readonly span: Span | undefined;
  readonly startedAt: number;
}

/**
 * Opens the scope of a call, or `undefined` where there is nothing to do: nothing is exported and the caller sent no
 * trace. That is the path of a plain prediction, and it allocates nothing here.
 */
export function openScope(method: Method, metadata: grpc.Metadata): Scope | undefined {
  const traceparent = metadata.get('traceparent')[0];
  if (method.tracer === undefined && method.duration === undefined && traceparent === undefined)
    return undefined;
  const parent = contextFromTraceparent(
    traceparent === undefined ? undefined : String(traceparent),
    ROOT_CONTEXT,
  );
  const span = method.tracer?.startSpan(
    spanName.rpc(method.path),
    {
      kind: SpanKind.SERVER,
      attributes: { [attr.rpcSystem]: 'grpc', [attr.rpcMethod]: spanName.rpc(method.path) },
    },
    parent,
  );
  return {
    context: span === undefined ? parent : trace.setSpan(parent, span),
    span,
    startedAt: method.duration === undefined ? 0 : performance.now(),
  };
}

/** Runs `fn` with the trace of `scope` active. */
export function within<T>(scope: Scope | undefined, fn: () => T): T {
  return scope === undefined ? fn() : context.with(scope.context, fn);
}

/** Ends the scope of a call that succeeded. */
export function closeScope(method: Method, scope: Scope | undefined): void {
  if (scope === undefined) return;
  scope.span?.setAttribute(attr.rpcStatusCode, 'OK');
  scope.span?.end();
  method.duration?.record((performance.now() - scope.startedAt) / 1000, {
    [attr.rpcMethod]: spanName.rpc(method.path),
    [attr.rpcStatusCode]: 'OK',
  });
}

/**
 * Ends the scope of a call that failed: logs the failure (an unforeseen one as an error with its id and stack, a
 * foreseen one at debug), records it on the span, and returns the status to answer with.
 */
export function failScope(
  method: Method,
  scope: Scope | undefined,
  error: unknown,
  cancelled: boolean,
): ErrorStatus {
  const status = statusOfError(error, cancelled);
  const name = grpc.status[status.code];
  within(scope, () => {
    if (status.errorId !== undefined)
      method.logger.error(
        { err: error, error_id: status.errorId, method: method.path },
        'call failed unexpectedly',
      );
    else if (method.logger.isLevelEnabled('debug'))
      method.logger.debug({ err: error, status: name, method: method.path }, 'call refused');
  });
  if (scope !== undefined) {
    const type = status.errorId === undefined ? name : errorTypeOf(error);
    if (scope.span !== undefined) {
      scope.span.recordException(error instanceof Error ? error : String(error));
      scope.span.setAttributes({ [attr.rpcStatusCode]: name, [attr.errorType]: status.errorCode ?? type });
      scope.span.setStatus({ code: SpanStatusCode.ERROR, message: status.details });
      scope.span.end();
    }
    method.duration?.record((performance.now() - scope.startedAt) / 1000, {
      [attr.rpcMethod]: spanName.rpc(method.path),
      [attr.rpcStatusCode]: name,
      [attr.errorType]: type,
    });
  }
  return status;
}
