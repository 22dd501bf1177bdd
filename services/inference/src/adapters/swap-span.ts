import { context, ROOT_CONTEXT, SpanStatusCode, trace } from '@opentelemetry/api';
import type { Tracer } from '@opentelemetry/api';
import { parseTraceparent } from '@rookery/bus';

import type { Offer, SwapOutcome } from '../application/swapper.js';

/** Runs a swap in the span `swap <model>`, a child of the promotion's span and linked to it. */
export function inSwapSpan(
  tracer: Tracer,
  replica: string,
): (offer: Offer, run: () => Promise<SwapOutcome>) => Promise<SwapOutcome> {
  return async ({ promotion, cause }, run) => {
    const sender = parseTraceparent(cause.traceparent);
    const parent = sender === undefined ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, sender);
    const span = tracer.startSpan(
      `swap ${promotion.model}`,
      {
        attributes: {
          'rookery.model': promotion.model,
          'rookery.model.version': promotion.version,
          'rookery.alias.revision': promotion.aliasRevision,
          'rookery.run.id': promotion.runId,
          'rookery.replica': replica,
        },
        ...(sender === undefined ? {} : { links: [{ context: sender }] }),
      },
      parent,
    );
    try {
      const outcome = await context.with(trace.setSpan(parent, span), run);
      span.setAttribute('rookery.swap.outcome', outcome);
      if (outcome === 'refused')
        span.setStatus({ code: SpanStatusCode.ERROR, message: 'the model version is refused' });
      return outcome;
    } finally {
      span.end();
    }
  };
}

/** Runs one step of a swap in a span of its own. */
export async function inStepSpan<R>(tracer: Tracer, name: string, run: () => Promise<R>): Promise<R> {
  return tracer.startActiveSpan(name, async (span) => {
    try {
      return await run();
    } catch (error) {
      span.recordException(error instanceof Error ? error : String(error));
      span.setStatus({ code: SpanStatusCode.ERROR });
      throw error;
    } finally {
      span.end();
    }
  });
}

/** W3C traceparent of the active span; undefined outside any. */
export function currentTraceparent(): string | undefined {
  const active = trace.getSpanContext(context.active());
  if (active === undefined || /^0*$/.test(active.traceId)) return undefined;
  return `00-${active.traceId}-${active.spanId}-${(active.traceFlags & 0xff).toString(16).padStart(2, '0')}`;
}

/** Trace id of the active call; '' outside any. */
export function activeTraceId(): string {
  return trace.getSpanContext(context.active())?.traceId ?? '';
}
