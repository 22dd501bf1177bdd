import { readFileSync } from 'node:fs';

import { decodePayload, encodePayload } from '@rookery/bus';
import { events, progressMessage, streams } from '@rookery/contracts';
import type { EventName, EventType } from '@rookery/contracts';
import { describe, expect, it } from 'vitest';

interface Golden {
  readonly base64: string;
  /** proto3 JSON with camelCase names. */
  readonly json: Record<string, unknown>;
  /** The same with the names of the proto files. */
  readonly protoNamesJson: Record<string, unknown>;
}

const golden = JSON.parse(
  readFileSync(new URL('./golden/events-v1.json', import.meta.url), 'utf8'),
) as Record<string, Golden>;
const names = Object.keys(events) as EventName[];
const eventOf = (name: EventName): EventType<object> => events[name];
const goldenOf = (messageName: string): Golden => {
  const found = golden[messageName];
  if (!found)
    throw new Error(`${messageName} has no golden example: node tests/contract/generate-golden.mjs`);
  return found;
};
const text = (json: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(json));

describe.each(names)('the golden example of %s', (name) => {
  const event = eventOf(name);
  const { base64, json, protoNamesJson } = goldenOf(event.messageName);
  const fromBytes = event.message.decode(Buffer.from(base64, 'base64'));

  it('decodes from the bytes of another implementation, every field in its place', () => {
    // By number on one side, by name on the other: a field that was renumbered, renamed or retyped makes them differ.
    expect(fromBytes).toEqual(event.message.fromJSON(json));
    expect(plain(fromBytes)).not.toEqual(plain(event.message.fromPartial({})));
  });

  it('is accepted as proto3 JSON of another implementation, in both spellings of the names', () => {
    expect(plain(decodePayload(event, text(json), { strict: true, encoding: 'json' }))).toEqual(
      plain(fromBytes),
    );
    expect(plain(decodePayload(event, text(protoNamesJson), { strict: true, encoding: 'json' }))).toEqual(
      plain(fromBytes),
    );
  });

  it('survives what the bus writes and reads', () => {
    expect(plain(decodePayload(event, encodePayload(event, fromBytes)))).toEqual(plain(fromBytes));
  });

  it('has a value in every field of today', () => {
    expect(unset(fromBytes, ''), 'node tests/contract/generate-golden.mjs adds fields').toEqual([]);
  });
});

describe('the golden examples', () => {
  it('have the message of the live progress', () => {
    const { base64, json } = goldenOf('rookery.events.v1.FoldProgress');
    expect(progressMessage.decode(Buffer.from(base64, 'base64'))).toEqual(progressMessage.fromJSON(json));
  });
});

describe('the friendlier forms of ml.dataset.ready', () => {
  const minimal = { name: 'penguins', uri: 'file:///data/penguins.csv', target: 'species' };
  const decode = (json: object) => decodePayload(events.datasetReady, text(json));

  it('need name, uri and target alone', () => {
    expect(decode(minimal)).toEqual(events.datasetReady.message.fromPartial(minimal));
  });

  it('take camelCase and proto names, and short names of enum values, for the same thing', () => {
    const camel = {
      ...minimal,
      columnTypes: { sex: 'categorical' },
      task: 'multiclass',
      batchSize: 8,
      missingTokens: ['.'],
    };
    const snake = {
      ...minimal,
      column_types: { sex: 'COLUMN_TYPE_CATEGORICAL' },
      task: 'TASK_MULTICLASS',
      batch_size: 8,
      missing_tokens: ['.'],
    };
    expect(decode(camel)).toEqual(decode(snake));
  });

  it('refuse a field that is not known, and a value of the wrong type, by name', () => {
    const refused = (more: object): unknown => {
      try {
        return decode({ ...minimal, ...more });
      } catch (error) {
        return error;
      }
    };
    expect(refused({ tagret: 'x' })).toMatchObject({
      code: 'RK_MESSAGE_UNKNOWN_FIELD',
      details: { field: 'tagret' },
    });
    expect(refused({ folds: 'five' })).toMatchObject({
      code: 'RK_MESSAGE_WRONG_TYPE',
      details: { field: 'folds' },
    });
    expect(refused({ task: 'clustering' })).toMatchObject({ details: { field: 'task' } });
  });
});

describe('the table of events', () => {
  const covers = (filter: string, subject: string): boolean =>
    new RegExp(
      `^${filter.replaceAll('.', '\\.').replace('>', '.+').replaceAll('*', '[^.]+').replaceAll('$', '\\$')}$`,
    ).test(subject);

  it('puts every subject into exactly one stream, the one it names', () => {
    for (const name of names) {
      const event = events[name];
      const takers = streams.filter((stream) =>
        stream.subjects.some((filter) => covers(filter, event.subject('a-key'))),
      );
      expect(
        takers.map((stream) => stream.name),
        name,
      ).toEqual([event.stream]);
    }
  });

  it('gives every event a type, a subject and a message of its own', () => {
    for (const property of ['type', 'filter', 'messageName'] as const) {
      expect(new Set(names.map((name) => events[name][property])).size).toBe(names.length);
    }
  });
});

/** As JSON sees it: Buffer or Uint8Array, undefined or absent are the same. */
function plain(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (_, item: unknown) =>
      item instanceof Uint8Array
        ? Buffer.from(item).toString('base64')
        : isBufferJson(item)
          ? Buffer.from(item.data).toString('base64')
          : item,
    ),
  );
}

function isBufferJson(value: unknown): value is { data: number[] } {
  return typeof value === 'object' && value !== null && (value as { type?: unknown }).type === 'Buffer';
}

/** Paths of the fields below a message that have no value of their own. */
function unset(value: unknown, path: string): string[] {
  if (value === undefined || value === null || value === 0 || value === '' || value === false) return [path];
  if (Array.isArray(value))
    return value.length === 0 ? [path] : value.flatMap((item, index) => unset(item, `${path}[${index}]`));
  if (typeof value !== 'object' || value instanceof Uint8Array) return [];
  const fields = Object.entries(value);
  return fields.length === 0
    ? [path]
    : fields.flatMap(([name, item]) => unset(item, path === '' ? name : `${path}.${name}`));
}
