import { context, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import type { Attributes, Context, Link, Span, Tracer } from '@opentelemetry/api';
import { attr } from './semconv.js';

const instrumentationName = '@rookery/telemetry';

/** Options of {@link withSpan}. */
export interface SpanOptions {
  /** Default `SpanKind.INTERNAL`. */
  kind?: SpanKind;
  attributes?: Attributes;
  /** Spans that this one follows without being their child: joins, batches, redeliveries. */
  links?: readonly Link[];
  /** Context whose span is the parent. Default: the active context. */
  parent?: Context;
  /** Start a new trace, even where a span is active. Default false. */
  root?: boolean;
  /** Tracer to use. Default: the one of this library. */
  tracer?: Tracer;
}

/** The tracer of the instrumentation `name`. Works before `startTelemetry` too (spans are then no-ops). */
export function tracer(name: string = instrumentationName): Tracer {
  return trace.getTracer(name);
}

/**
 * The low-cardinality value of `error.type`: the error's string `code` (`RK_…`, `ECONNREFUSED`) if it has one, else its
 * class name, else the type of what was thrown.
 */
export function errorTypeOf(error: unknown): string {
  if (error instanceof Error) {
    const code: unknown = (error as { code?: unknown }).code;
    return typeof code === 'string' && code !== '' ? code : error.name || error.constructor.name;
  }
  return typeof error;
}

/**
 * Runs `fn` inside a new active span and ends the span when `fn` has returned or its promise has settled.
 * A thrown error is recorded on the span (exception event, status ERROR, `error.type`) and thrown on, unchanged.
 */
export function withSpan<T>(name: string, options: SpanOptions, fn: (span: Span) => T): T {
  const parent = options.parent ?? context.active();
  const span = (options.tracer ?? tracer()).startSpan(
    name,
    {
      kind: options.kind ?? SpanKind.INTERNAL,
      ...(options.attributes === undefined ? {} : { attributes: options.attributes }),
      ...(options.links === undefined ? {} : { links: [...options.links] }),
      ...(options.root === undefined ? {} : { root: options.root }),
    },
    parent,
  );
  let result: T;
  try {
    result = context.with(trace.setSpan(parent, span), fn, undefined, span);
  } catch (error) {
    failSpan(span, error);
    throw error;
  }
  if (!isPromiseLike(result)) {
    span.end();
    return result;
  }
  return result.then(
    (value: unknown) => {
      span.end();
      return value;
    },
    (error: unknown) => {
      failSpan(span, error);
      throw error;
    },
  ) as T;
}

function failSpan(span: Span, error: unknown): void {
  span.recordException(error instanceof Error ? error : String(error));
  span.setStatus({
    code: SpanStatusCode.ERROR,
    message: error instanceof Error ? error.message : String(error),
  });
  span.setAttribute(attr.errorType, errorTypeOf(error));
  span.end();
}

function isPromiseLike(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as { then?: unknown } | null | undefined)?.then === 'function';
}
