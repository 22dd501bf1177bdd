import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { events, TerminalError } from '@rookery/contracts';
import type { EventType } from '@rookery/contracts';
import { decodePayload, encodePayload } from '../src/index.js';

const bytes = (value: unknown): Uint8Array =>
  new TextEncoder().encode(typeof value === 'string' ? value : JSON.stringify(value));
const ready = { name: 'penguins', uri: 'file:///p.csv', target: 'species' };

function refusal<T>(event: EventType<T>, payload: Uint8Array): TerminalError {
  try {
    decodePayload(event, payload);
  } catch (error) {
    if (error instanceof TerminalError) return error;
    throw error;
  }
  throw new Error('was not refused');
}

describe('what a user publishes', () => {
  test('the least that the contract asks for is taken', () => {
    expect(decodePayload(events.datasetReady, bytes(ready))).toMatchObject({ ...ready, folds: undefined });
  });

  test('all kinds of fields are taken: nested, maps, enums by name and short name, free structures, null', () => {
    const full = {
      ...ready,
      format: null,
      folds: 5,
      learningRate: 0.5,
      stratify: false,
      columnTypes: { zip: 'categorical' },
      missingTokens: ['.', 'NA'],
      modelSpec: { layers: [{ units: 10, activation: 'relu', bias: null }] },
      tags: { team: 'birds' },
    };
    const decoded = decodePayload(events.datasetReady, bytes(full));
    expect(decoded.folds).toBe(5);
    expect(decoded.stratify).toBe(false);
    expect(decoded.tags).toEqual({ team: 'birds' });
    expect(decoded.modelSpec).toEqual(full.modelSpec);
    expect(Object.values(decoded.columnTypes)).toHaveLength(1);
  });

  test('the names of the proto file are taken as well', () => {
    expect(decodePayload(events.datasetReady, bytes({ ...ready, batch_size: 16 })).batchSize).toBe(16);
  });

  test.each([
    [{ ...ready, foldz: 5 }, 'foldz'],
    [{ ...ready, gate: { metrik: 'accuracy' } }, 'gate.metrik'],
    [{ ...ready, __proto: 1 }, '__proto'],
  ])('an unknown field is refused by name: %j', (payload, field) => {
    const error = refusal(events.datasetReady, bytes(payload));
    expect(error.code).toBe('RK_MESSAGE_UNKNOWN_FIELD');
    expect(error.details['field']).toBe(field);
    expect(error.message).toContain(field);
  });

  test('a key named __proto__ is an unknown field, not a prototype', () => {
    expect(refusal(events.datasetReady, bytes('{"name":"a","__proto__":{"x":1}}')).details['field']).toBe(
      '__proto__',
    );
  });

  test.each([
    [{ ...ready, name: 5 }, 'name'],
    [{ ...ready, folds: 'many' }, 'folds'],
    [{ ...ready, folds: '' }, 'folds'],
    [{ ...ready, folds: true }, 'folds'],
    [{ ...ready, folds: [5] }, 'folds'],
    [{ ...ready, stratify: 'false' }, 'stratify'],
    [{ ...ready, missingTokens: 'NA' }, 'missingTokens'],
    [{ ...ready, missingTokens: ['NA', 7] }, 'missingTokens[1]'],
    [{ ...ready, tags: ['x'] }, 'tags'],
    [{ ...ready, tags: { a: 1 } }, 'tags.a'],
    [{ ...ready, gate: 'accuracy' }, 'gate'],
    [{ ...ready, modelSpec: 'dense' }, 'modelSpec'],
    [{ ...ready, task: 'TASK_NO_SUCH' }, 'task'],
    [{ ...ready, uri: { path: 'x' } }, 'uri'],
  ])('a wrong type is refused by name: %j', (payload, field) => {
    const error = refusal(events.datasetReady, bytes(payload));
    expect(error.code).toBe('RK_MESSAGE_WRONG_TYPE');
    expect(error.details['field']).toBe(field);
  });

  test.each([{ seed: -1 }, { folds: 2 ** 32 }, { epochs: 1.5 }])(
    'a number out of the range of its field is refused: %j',
    (fields) => {
      expect(refusal(events.datasetReady, bytes({ ...ready, ...fields })).code).toBe('RK_MESSAGE_WRONG_TYPE');
    },
  );

  test('nesting is bounded, whatever it stands in; brackets within texts do not count', () => {
    const spec = (depth: number): string =>
      `{"name":"a","modelSpec":${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}}`;
    for (const depth of [200, 100_000])
      expect(refusal(events.datasetReady, bytes(spec(depth))).code).toBe('RK_MESSAGE_MALFORMED');
    expect(decodePayload(events.datasetReady, bytes(spec(100))).name).toBe('a');
    const text = { ...ready, name: `"${'[{'.repeat(300)}` };
    expect(decodePayload(events.datasetReady, bytes(text)).name).toBe(text.name);
  });

  test.each([
    ['nothing at all', new Uint8Array()],
    ['cut JSON', bytes('{"name":"pen')],
    ['a list', bytes('[]')],
    ['null', bytes('null')],
    ['a text', bytes('"x"')],
    ['bytes that are not UTF-8', Uint8Array.of(0x7b, 0xff, 0xfe, 0x7d)],
  ])('%s is refused as malformed', (_, payload) => {
    expect(refusal(events.datasetReady, payload).code).toBe('RK_MESSAGE_MALFORMED');
  });
});

test('between our own services a field of a newer version is passed over', () => {
  const decoded = decodePayload(
    events.runStarted,
    bytes({ runId: 'run-1', addedInTheNextVersion: { x: 1 } }),
  );
  expect(decoded.runId).toBe('run-1');
});

test('binary protobuf goes both ways, and damaged bytes are refused', () => {
  const event = events.predictionCaptured;
  const data = event.message.fromPartial({ model: 'm', version: 3, features: ['a'], batch: 7 });
  expect(decodePayload(event, encodePayload(event, data))).toEqual(data);
  expect(refusal(event, Uint8Array.of(0x0a, 0xff, 0x01)).code).toBe('RK_MESSAGE_MALFORMED');
});

test('whatever is encoded is decoded to the same, strictly', () => {
  const text = fc.string({ unit: 'binary', maxLength: 20 });
  const message = fc.record({
    name: text,
    uri: text,
    target: text,
    ignore: fc.array(text, { maxLength: 3 }),
    tags: fc.dictionary(fc.stringMatching(/^[a-z]{1,8}$/), text, { maxKeys: 3 }),
    folds: fc.option(fc.nat(1_000), { nil: undefined }),
    learningRate: fc.option(fc.double({ noNaN: true, noDefaultInfinity: true, min: 0 }), { nil: undefined }),
    stratify: fc.option(fc.boolean(), { nil: undefined }),
  });
  fc.assert(
    fc.property(message, (partial) => {
      const data = events.datasetReady.message.fromPartial(partial);
      expect(decodePayload(events.datasetReady, encodePayload(events.datasetReady, data))).toEqual(data);
    }),
  );
});
