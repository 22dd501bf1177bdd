import { jetstream } from '@nats-io/jetstream';
import { headers } from '@nats-io/transport-node';
import type { NatsConnection } from '@nats-io/transport-node';
import type { DescMessage, FileRegistry } from '@bufbuild/protobuf';
import { events } from '@rookery/contracts';
import type { EventType } from '@rookery/contracts';
import fc from 'fast-check';

import { binaryOf, jsonOf } from './messages.js';
import { mutatedOf } from './mutations.js';
import { nastyTexts, textOf } from './nasty.js';

/** A message as it is published. */
export interface Publication {
  readonly subject: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly payload: Uint8Array;
}

const types = Object.values(events) as unknown as readonly EventType<unknown>[];
const headerNames = [
  'ce-id',
  'ce-type',
  'ce-time',
  'ce-source',
  'ce-subject',
  'ce-specversion',
  'ce-correlationid',
  'ce-causationid',
  'traceparent',
  'Ce-Id',
  'x-redrive-of',
  'x-redrive-count',
  '__proto__',
];

/** Messages on the subject of any event: JSON and binary forms of its payload, damaged ones, and any bytes. */
export function publicationsOf(contracts: FileRegistry, known: readonly string[]): fc.Arbitrary<Publication> {
  const keys = [
    'a',
    '__proto__',
    'constructor',
    'x'.repeat(64),
    ...known.filter((name) => /^[\w-]{1,64}$/.test(name)),
  ];
  return fc.oneof(
    ...types.map((event) => publicationOf(event, contracts.getMessage(event.messageName)!, keys, known)),
  );
}

function publicationOf(
  event: EventType<unknown>,
  message: DescMessage,
  keys: readonly string[],
  known: readonly string[],
): fc.Arbitrary<Publication> {
  const json = jsonOf(message, known).map((text) => new Uint8Array(Buffer.from(text)));
  const binary = binaryOf(message, known);
  const encoder = new TextEncoder();
  const samples = [
    ...fc.sample(json, { seed: 1, numRuns: 10 }),
    ...fc.sample(binary, { seed: 1, numRuns: 10 }),
  ];
  const payload = fc.oneof(
    { weight: 5, arbitrary: fc.tuple(json, fc.constantFrom('', 'application/json')) },
    { weight: 3, arbitrary: fc.tuple(binary, fc.constant('application/protobuf')) },
    {
      weight: 3,
      arbitrary: fc.tuple(
        mutatedOf(samples),
        fc.constantFrom('', 'application/json', 'application/protobuf'),
      ),
    },
    {
      weight: 1,
      arbitrary: fc.tuple(
        textOf().map((text) => encoder.encode(text)),
        fc.constantFrom('', 'text/plain'),
      ),
    },
  );
  const header = fc.tuple(
    fc.constantFrom(...headerNames),
    fc.oneof(
      fc.constantFrom(...nastyTexts, ...known),
      fc.constantFrom(
        '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
        '2026-01-01T00:00:00Z',
        '275760-09-13T00:00:00.001Z',
      ),
    ),
  );
  return fc
    .tuple(payload, fc.array(header, { maxLength: 4 }), fc.constantFrom(...keys))
    .map(([[bytes, type], more, key]) => ({
      subject: event.keyed ? `${event.type}.${key}` : event.type,
      headers: [...(type === '' ? [] : [['ce-datacontenttype', type] as const]), ...more],
      payload: bytes,
    }));
}

/** Publishes it with an id of its own, so that the broker does not take it for a copy. */
export async function publish(nats: NatsConnection, one: Publication, id: string): Promise<void> {
  const head = headers();
  // A line break can't stand in a header: the client refuses it, not the system.
  for (const [name, value] of one.headers) head.append(name, value.replace(/[\r\n\0]/g, ' '));
  head.set('Nats-Msg-Id', id);
  await jetstream(nats).publish(one.subject, one.payload, { headers: head });
}
