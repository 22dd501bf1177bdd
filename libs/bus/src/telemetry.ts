import { context, metrics, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import type { Attributes, Context, Counter, Histogram, Link, Span } from '@opentelemetry/api';
import type { EventMeta } from './types.js';
import { contextFromTraceparent, parseTraceparent } from './traceparent.js';

const scope = '@rookery/bus';

/** Attributes by the messaging semantic conventions (1.44). `nats` is not in its list of systems; any name is allowed. */
function destinationAttributes(template: string): Attributes {
  return {
    'messaging.system': 'nats',
    'messaging.destination.name': template,
    'messaging.destination.template': template,
  };
}

/** Counters and histograms of one bus; exported only where a meter provider is installed. */
export interface BusMetrics {
  published: Counter;
  consumed: Counter;
  processDuration: Histogram;
  deadLetters: Counter;
}

/** The meters of the messaging conventions, plus a counter of dead letters. */
export function createMetrics(): BusMetrics {
  const meter = metrics.getMeter(scope);
  return {
    published: meter.createCounter('messaging.client.sent.messages', {
      unit: '{message}',
      description: 'Events published and stored by the broker',
    }),
    consumed: meter.createCounter('messaging.client.consumed.messages', {
      unit: '{message}',
      description: 'Deliveries taken from the broker',
    }),
    processDuration: meter.createHistogram('messaging.process.duration', {
      unit: 's',
      description: 'Time a handler took, by outcome',
    }),
    deadLetters: meter.createCounter('rookery.bus.dead_letters', {
      unit: '{message}',
      description: 'Events given up and stored as dead letters',
    }),
  };
}

/**
 * Runs `send` in a PRODUCER span. Its parent is the given traceparent, else the active span. An error is recorded
 * with its code as `error.type` and thrown on.
 */
export async function withSendSpan<R>(
  target: {
    template: string;
    id: string;
    correlationId: string;
    bytes: number;
    parent?: string | undefined;
    links?: Link[] | undefined;
  },
  send: (span: Span) => Promise<R>,
): Promise<R> {
  const parent = contextFromTraceparent(target.parent);
  const span = trace.getTracer(scope).startSpan(
    `send ${target.template}`,
    {
      kind: SpanKind.PRODUCER,
      attributes: {
        ...destinationAttributes(target.template),
        'messaging.operation.name': 'send',
        'messaging.operation.type': 'send',
        'messaging.message.id': target.id,
        'messaging.message.conversation_id': target.correlationId,
        'messaging.message.body.size': target.bytes,
      },
      ...(target.links ? { links: target.links } : {}),
    },
    parent,
  );
  return endSpan(span, trace.setSpan(parent, span), () => send(span));
}

/**
 * Runs `process` in a CONSUMER span that is a child of the sender's span and also linked to it; a redelivery is a
 * sibling with another `delivery_count`.
 */
export async function withProcessSpan<R>(
  meta: EventMeta,
  target: { template: string; durable: string; bytes: number },
  process: () => Promise<R>,
): Promise<R> {
  const sender = parseTraceparent(meta.traceparent);
  const parent = contextFromTraceparent(meta.traceparent);
  const span = trace.getTracer(scope).startSpan(
    `process ${target.template}`,
    {
      kind: SpanKind.CONSUMER,
      attributes: {
        ...destinationAttributes(target.template),
        'messaging.operation.name': 'process',
        'messaging.operation.type': 'process',
        'messaging.consumer.group.name': target.durable,
        'messaging.message.id': meta.id,
        'messaging.message.conversation_id': meta.correlationId,
        'messaging.message.body.size': target.bytes,
        'messaging.nats.stream': meta.stream,
        'messaging.nats.stream_sequence': meta.sequence,
        'messaging.nats.delivery_count': meta.deliveryCount,
      },
      ...(sender ? { links: [{ context: sender }] } : {}),
    },
    parent,
  );
  return endSpan(span, trace.setSpan(parent, span), process);
}

async function endSpan<R>(span: Span, active: Context, run: () => Promise<R>): Promise<R> {
  try {
    return await context.with(active, run);
  } catch (error) {
    const problem = error instanceof Error ? error : new Error(String(error));
    const code = (problem as { code?: unknown }).code;
    span.setAttribute('error.type', typeof code === 'string' ? code : problem.name);
    span.recordException(problem);
    span.setStatus({ code: SpanStatusCode.ERROR, message: problem.message });
    throw error;
  } finally {
    span.end();
  }
}
