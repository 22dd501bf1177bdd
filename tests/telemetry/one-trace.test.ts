import { randomBytes } from 'node:crypto';

import { headers } from '@nats-io/transport-node';
import { jetstream } from '@nats-io/jetstream';
import { events, runIdOf } from '@rookery/contracts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { exampleUri, startTestSystem } from '../system/support/test-system.js';
import type { TestSystem } from '../system/support/test-system.js';
import { eventually } from '../system/support/waiting.js';
import { startOtlpReceiver } from './otlp-receiver.js';
import type { OtlpReceiver, ReceivedSpan } from './otlp-receiver.js';

const folds = 4;
const producer = 4;
const consumer = 5;

let receiver: OtlpReceiver;
/** Trace of a request that came with a traceparent of its sender, and of one that came with no header at all. */
const traced = {
  traceId: randomBytes(16).toString('hex'),
  spanId: randomBytes(8).toString('hex'),
  recorded: '',
};
const bare = { recorded: '' };

beforeAll(async () => {
  receiver = await startOtlpReceiver();
  const world = await startTestSystem({
    env: { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url, OTEL_EXPORTER_OTLP_PROTOCOL: 'http/protobuf' },
  });
  try {
    const eventId = 'event-with-a-trace';
    const head = headers();
    head.set('Nats-Msg-Id', eventId);
    head.set('traceparent', `00-${traced.traceId}-${traced.spanId}-01`);
    await jetstream(world.nats).publish('ml.dataset.ready', body('traced'), { headers: head });
    traced.recorded = await traceOf(world, 'traced');
    world.nats.publish('ml.dataset.ready', body('bare'));
    bare.recorded = await traceOf(world, 'bare');
    expect((await world.client.runs({ model: 'traced' }))[0]?.runId).toBe(runIdOf(eventId));
  } finally {
    // Stopping sends what is still buffered: after it, all spans are here.
    await world.stop();
  }
}, 180_000);

afterAll(async () => {
  await receiver?.close();
});

function body(name: string): string {
  return JSON.stringify({
    name,
    uri: exampleUri('penguins.csv'),
    target: 'species',
    folds,
    epochs: 10,
    gate: { threshold: 0.1 },
  });
}

/** The trace id on the record of the model's run, when a replica serves it and the registry knows. */
async function traceOf(world: TestSystem, model: string): Promise<string> {
  await world.tap.wait(events.inferenceSwapped, (data) => data.model === model, 'the swap');
  return eventually(async () => {
    const [run] = await world.client.runs({ model });
    return run !== undefined && run.publishedToServingMs > 0 ? run.traceId : undefined;
  }, 'the record of the run');
}

describe.each([
  {
    what: 'a request with a traceparent',
    traceId: () => traced.traceId,
    recorded: () => traced.recorded,
    outside: () => [traced.spanId],
  },
  {
    what: 'a request without any header',
    traceId: () => bare.recorded,
    recorded: () => bare.recorded,
    outside: () => [] as string[],
  },
])('$what', ({ traceId, recorded, outside }) => {
  const spansOf = (): readonly ReceivedSpan[] => receiver.spans.filter((span) => span.traceId === traceId());
  const named = (service: string, name: string, kind?: number): ReceivedSpan[] =>
    spansOf().filter(
      (span) => span.service === service && span.name === name && (kind === undefined || span.kind === kind),
    );

  it('has one trace, from its publication to the swap, that every service of the path is in', () => {
    expect(recorded()).toBe(traceId());
    const services = new Set(spansOf().map(({ service }) => service));
    for (const service of ['ingest', 'transform', 'trainer', 'evaluator', 'registry', 'inference']) {
      expect(services).toContain(service);
    }
  });

  it('is one tree: every span has its parent in the trace, but for the one that began it', () => {
    const spans = spansOf();
    const ids = new Set([...spans.map(({ spanId }) => spanId), ...outside()]);
    const orphans = spans.filter(({ parentSpanId }) => parentSpanId !== '' && !ids.has(parentSpanId));
    expect(orphans.map(({ service, name }) => `${service}: ${name}`)).toEqual([]);
    const roots = spans.filter(({ parentSpanId }) => parentSpanId === '' || outside().includes(parentSpanId));
    expect(roots.map(({ service, name }) => `${service}: ${name}`)).toEqual([
      'ingest: process ml.dataset.ready',
    ]);
  });

  it('goes from service to service as the events do', () => {
    const byId = new Map(spansOf().map((span) => [span.spanId, span]));
    const edges = new Set(
      spansOf().flatMap((span) => {
        const parent = byId.get(span.parentSpanId);
        return parent !== undefined && parent.service !== span.service
          ? [`${parent.service} → ${span.service}`]
          : [];
      }),
    );
    for (const edge of [
      'ingest → transform',
      'transform → trainer',
      'trainer → evaluator',
      'evaluator → registry',
      'registry → inference',
    ]) {
      expect(edges).toContain(edge);
    }
  });

  it(`has a span for each of the ${folds} folds and the final model, from the job that was sent to the model that was evaluated`, () => {
    const jobs = folds + 1;
    expect(named('transform', 'send ml.job.fold.{key}', producer)).toHaveLength(jobs);
    expect(named('trainer', 'process ml.job.fold.{key}', consumer)).toHaveLength(jobs);
    expect(named('trainer', 'send ml.fold.trained.{key}', producer)).toHaveLength(jobs);
    expect(named('evaluator', 'process ml.fold.trained.{key}', consumer)).toHaveLength(jobs);
    expect(named('evaluator', 'send ml.fold.evaluated.{key}', producer)).toHaveLength(folds);
  });

  it('has exactly one join and exactly one swap', () => {
    expect(named('evaluator', 'send ml.run.evaluated.{key}', producer)).toHaveLength(1);
    expect(named('registry', 'process ml.run.evaluated.{key}', consumer)).toHaveLength(1);
    const swaps = spansOf().filter(
      ({ service, name }) => service === 'inference' && name.startsWith('swap '),
    );
    expect(swaps.map(({ attributes }) => attributes['rookery.swap.outcome'])).toEqual(['serving']);
    expect(swaps[0]?.links).toHaveLength(1);
  });

  it('has no span with an error', () => {
    const errors = spansOf().filter(
      ({ status, attributes }) => status === 2 || attributes['error.type'] !== undefined,
    );
    expect(errors.map(({ service, name }) => `${service}: ${name}`)).toEqual([]);
  });
});
