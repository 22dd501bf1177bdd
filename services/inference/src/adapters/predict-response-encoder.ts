import type { PredictResponse } from '@rookery/proto/rookery/inference/v1/inference';

import { WireWriter } from './wire-writer.js';

const writer = new WireWriter(65536);

/** Wire bytes of a PredictResponse, equal to those of the generated encoder (a test holds it to that). */
export function encodePredictResponse(response: PredictResponse): Buffer {
  writer.truncate(0);
  writer.string(0x0a, response.model);
  if (response.version !== 0) {
    writer.byte(0x10);
    writer.varint(response.version);
  }
  for (const label of response.classes) writer.stringAlways(0x1a, label);
  for (const { predictionId, label, probabilities, value, labels } of response.predictions) {
    const start = writer.begin(0x22);
    writer.string(0x0a, predictionId);
    writer.string(0x12, label);
    if (probabilities.length > 0) {
      writer.byte(0x1a);
      writer.varint(probabilities.length * 8);
      for (const probability of probabilities) writer.double(probability);
    }
    if (value !== undefined) {
      writer.byte(0x21);
      writer.double(value);
    }
    for (const one of labels) writer.stringAlways(0x7a, one);
    writer.end(start);
  }
  return writer.copy();
}
