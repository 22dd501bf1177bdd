import { PredictionsCaptured } from '@rookery/proto/rookery/events/v1/monitoring';
import { PredictResponse } from '@rookery/proto/rookery/inference/v1/inference';
import type { Value } from '@rookery/proto/rookery/domain/v1/data';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { createCaptureEncoder, longestCapturedText } from '../src/adapters/capture-encoder.js';
import { encodePredictResponse } from '../src/adapters/predict-response-encoder.js';
import type { CapturedRow } from '../src/domain/captured-row.js';

const word = fc.oneof(fc.string({ maxLength: 12 }), fc.string({ unit: 'grapheme', maxLength: 90 }));
const probability = fc.double({ min: 0, max: 1, noNaN: true });
const value: fc.Arbitrary<Value> = fc.oneof(
  fc.constant<Value>({ kind: undefined }),
  fc.double().map((number): Value => ({ kind: { $case: 'number', value: number } })),
  word.map((text): Value => ({ kind: { $case: 'text', value: text } })),
  fc.boolean().map((flag): Value => ({ kind: { $case: 'flag', value: flag } })),
);

describe('encoder of answers', () => {
  it('writes the bytes of the generated encoder', () => {
    const response = fc.record({
      model: word,
      version: fc.nat(),
      classes: fc.array(word, { maxLength: 4 }),
      predictions: fc.array(
        fc.record({
          predictionId: word,
          label: word,
          probabilities: fc.array(probability, { maxLength: 30 }),
          value: fc.option(fc.double(), { nil: undefined }),
          labels: fc.array(word, { maxLength: 4 }),
        }),
        { maxLength: 5 },
      ),
    });
    fc.assert(
      fc.property(response, (message) => {
        expect(encodePredictResponse(message).equals(PredictResponse.encode(message).finish())).toBe(true);
      }),
    );
  });
});

describe('encoder of captures', () => {
  const features = ['a', 'b'];
  const row = fc.record({
    a: value,
    b: value,
    id: word,
    timeMs: fc.nat(),
    label: word,
    traceId: word,
    p: fc.array(probability, { maxLength: 3 }),
  });

  it('writes what the generated decoder reads', () => {
    fc.assert(
      fc.property(
        fc.array(row, { maxLength: 8 }),
        fc.nat({ max: 1e9 }),
        fc.boolean(),
        (rows, batch, regression) => {
          const model = { name: 'm', version: 3, features, classes: regression ? [] : ['x', 'y', 'z'] };
          const captured = rows.map((one): CapturedRow => ({
            model,
            row: { values: { b: one.b, a: one.a } },
            prediction: {
              predictionId: one.id,
              label: one.label,
              probabilities: one.p,
              value: regression ? one.timeMs / 7 : undefined,
              labels: [],
            },
            timeMs: one.timeMs,
            traceId: one.traceId,
          }));
          const header = { model, replica: 'r', replicaLife: 'life', batch, droppedTotal: 5 };
          const { body, rows: count } = createCaptureEncoder(1e6)(header, captured);
          const expected: PredictionsCaptured = {
            model: 'm',
            version: 3,
            replica: 'r',
            batch,
            droppedTotal: 5,
            features,
            classes: model.classes,
            replicaLife: 'life',
            predictions: rows.map((one) => ({
              predictionId: one.id,
              timeMs: one.timeMs,
              values: [one.a, one.b],
              label: regression ? String(one.timeMs / 7) : one.label,
              outputs: regression ? [one.timeMs / 7] : one.p,
              traceId: one.traceId,
            })),
          };
          expect(count).toBe(rows.length);
          // Text is cut by UTF-16 units, which never happens at these lengths.
          expect(PredictionsCaptured.decode(body)).toEqual(
            PredictionsCaptured.decode(PredictionsCaptured.encode(expected).finish()),
          );
        },
      ),
    );
  });

  it('keeps a batch below its limit of bytes, and always takes one row', () => {
    const model = { name: 'm', version: 1, features: ['a'], classes: ['x', 'y'] };
    const long = 'é'.repeat(longestCapturedText * 2);
    const captured: CapturedRow[] = Array.from({ length: 10 }, (_, i) => ({
      model,
      row: { values: { a: { kind: { $case: 'text', value: long } } } },
      prediction: { predictionId: `p-${i}`, label: 'x', probabilities: [1, 0], value: undefined, labels: [] },
      timeMs: 1,
      traceId: '',
    }));
    const header = { model, replica: 'r', replicaLife: 'life', batch: 1, droppedTotal: 0 };
    const encode = createCaptureEncoder(6000);
    const first = encode(header, captured);
    expect(first.body.length).toBeLessThanOrEqual(6000);
    expect(first.rows).toBe(2);
    expect(PredictionsCaptured.decode(first.body).predictions.map((one) => one.predictionId)).toEqual([
      'p-0',
      'p-1',
    ]);
    const cut = PredictionsCaptured.decode(first.body).predictions[0]!.values[0]!.kind;
    expect(cut?.value).toBe(long.slice(0, longestCapturedText));
    expect(createCaptureEncoder(10)(header, captured).rows).toBe(1);
  });
});
