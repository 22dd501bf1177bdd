import { context, isSpanContextValid, trace, TraceFlags } from '@opentelemetry/api';
import type { Context, SpanContext } from '@opentelemetry/api';

const pattern = /^[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/;

/**
 * Reads a W3C `traceparent` header. Anything malformed, and the all-zero ids, give `undefined`: a bad header
 * must never stop an event.
 */
export function parseTraceparent(header: string | undefined): SpanContext | undefined {
  const match = header === undefined ? null : pattern.exec(header.trim());
  if (!match || header?.startsWith('ff')) return undefined;
  const spanContext: SpanContext = {
    traceId: match[1] as string,
    spanId: match[2] as string,
    traceFlags: Number.parseInt(match[3] as string, 16) & TraceFlags.SAMPLED,
    isRemote: true,
  };
  return isSpanContextValid(spanContext) ? spanContext : undefined;
}

/** Writes a W3C `traceparent` header (version 00), or nothing for an invalid context. */
export function formatTraceparent(spanContext: SpanContext | undefined): string | undefined {
  if (!spanContext || !isSpanContextValid(spanContext)) return undefined;
  const flags = (spanContext.traceFlags & TraceFlags.SAMPLED).toString(16).padStart(2, '0');
  return `00-${spanContext.traceId}-${spanContext.spanId}-${flags}`;
}

/** `traceparent` of the span that is active now, if any. */
export function activeTraceparent(): string | undefined {
  return formatTraceparent(trace.getSpanContext(context.active()));
}

/** The active context with the header's span as parent; the active context itself where the header says nothing. */
export function contextFromTraceparent(
  header: string | undefined,
  base: Context = context.active(),
): Context {
  const parent = parseTraceparent(header);
  return parent ? trace.setSpanContext(base, parent) : base;
}
