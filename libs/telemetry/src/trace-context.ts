import { context, isSpanContextValid, trace } from '@opentelemetry/api';
import type { Context, Link, SpanContext } from '@opentelemetry/api';

const traceparentPattern = /^[\da-f]{2}-([\da-f]{32})-([\da-f]{16})-([\da-f]{2})(?:-.*)?$/;

/**
 * Reads a W3C `traceparent` value. Never throws: a missing, malformed or all-zero value gives `undefined`,
 * because telemetry must not decide whether an event is handled.
 */
export function spanContextFromTraceparent(traceparent: string | undefined): SpanContext | undefined {
  if (traceparent === undefined) return undefined;
  const match = traceparentPattern.exec(traceparent);
  if (match === null || traceparent.startsWith('ff')) return undefined;
  const spanContext: SpanContext = {
    traceId: match[1] as string,
    spanId: match[2] as string,
    traceFlags: Number.parseInt(match[3] as string, 16) & 0x01,
    isRemote: true,
  };
  return isSpanContextValid(spanContext) ? spanContext : undefined;
}

/** The context `base` (default: the active one) with the remote span of `traceparent` as parent; `base` itself if there is none. */
export function contextFromTraceparent(
  traceparent: string | undefined,
  base: Context = context.active(),
): Context {
  const spanContext = spanContextFromTraceparent(traceparent);
  return spanContext === undefined ? base : trace.setSpanContext(base, spanContext);
}

/** A span link to the remote span of `traceparent`, or `undefined` if the value names none. */
export function linkFromTraceparent(traceparent: string | undefined): Link | undefined {
  const spanContext = spanContextFromTraceparent(traceparent);
  return spanContext === undefined ? undefined : { context: spanContext };
}

/** The W3C `traceparent` of the span active in `ctx` (default: now), or `undefined` outside any span. */
export function currentTraceparent(ctx: Context = context.active()): string | undefined {
  const spanContext = trace.getSpanContext(ctx);
  if (spanContext === undefined || !isSpanContextValid(spanContext)) return undefined;
  const flags = (spanContext.traceFlags & 0xff).toString(16).padStart(2, '0');
  return `00-${spanContext.traceId}-${spanContext.spanId}-${flags}`;
}

/** The trace id (32 hex digits) of the span active now, or `undefined` outside any span. */
export function currentTraceId(): string | undefined {
  return trace.getSpanContext(context.active())?.traceId;
}
