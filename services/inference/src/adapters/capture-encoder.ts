import type { BatchHeader, EncodeBatch } from '../application/capture-publisher.js';
import type { CapturedRow } from '../domain/captured-row.js';
import { WireWriter } from './wire-writer.js';

/** Longest text of a captured cell, in UTF-16 units; the rest is cut off. */
export const longestCapturedText = 1024;

/**
 * An encoder of rookery.events.v1.PredictionsCaptured, equal to the generated one (a test holds it to that), that
 * stops before the body exceeds `maxBytes`; the first row is always taken.
 */
export function createCaptureEncoder(maxBytes: number): EncodeBatch {
  const writer = new WireWriter(Math.min(maxBytes, 65536));
  return (header, rows) => {
    writer.truncate(0);
    writeHeader(writer, header);
    let count = 0;
    for (const row of rows) {
      const before = writer.length;
      writeRow(writer, header.model.features, row);
      if (writer.length > maxBytes && count > 0) {
        writer.truncate(before);
        break;
      }
      count += 1;
    }
    return { body: writer.copy(), rows: count };
  };
}

function writeHeader(writer: WireWriter, header: BatchHeader): void {
  const { model } = header;
  writer.string(0x0a, model.name);
  writeNumber(writer, 0x10, model.version);
  writer.string(0x1a, header.replica);
  writeNumber(writer, 0x20, header.batch);
  writeNumber(writer, 0x28, header.droppedTotal);
  for (const feature of model.features) writer.stringAlways(0x32, feature);
  for (const label of model.classes) writer.stringAlways(0x42, label);
  writer.string(0x4a, header.replicaLife);
}

function writeRow(writer: WireWriter, features: readonly string[], captured: CapturedRow): void {
  const { prediction, row, model } = captured;
  const start = writer.begin(0x3a);
  writer.string(0x0a, prediction.predictionId);
  writeNumber(writer, 0x10, captured.timeMs);
  for (const feature of features) writeValue(writer, row.values[feature]?.kind);
  const regression = model.classes.length === 0;
  writer.string(0x22, regression ? String(prediction.value) : prediction.label);
  if (regression) {
    writer.byte(0x2a);
    writer.byte(8);
    writer.double(prediction.value ?? 0);
  } else {
    writer.byte(0x2a);
    writer.varint(prediction.probabilities.length * 8);
    for (const probability of prediction.probabilities) writer.double(probability);
  }
  writer.string(0x32, captured.traceId);
  writer.end(start);
}

function writeValue(
  writer: WireWriter,
  kind: { $case: string; value: number | string | boolean } | undefined,
): void {
  if (kind === undefined) {
    writer.byte(0x1a);
    writer.byte(0);
  } else if (typeof kind.value === 'number') {
    writer.byte(0x1a);
    writer.byte(9);
    writer.byte(0x09);
    writer.double(kind.value);
  } else if (typeof kind.value === 'string') {
    const start = writer.begin(0x1a);
    const cut =
      kind.value.length > longestCapturedText ? kind.value.slice(0, longestCapturedText) : kind.value;
    writer.stringAlways(0x12, cut);
    writer.end(start);
  } else {
    writer.byte(0x1a);
    writer.byte(2);
    writer.byte(0x18);
    writer.byte(kind.value ? 1 : 0);
  }
}

function writeNumber(writer: WireWriter, tag: number, value: number): void {
  if (value === 0) return;
  writer.byte(tag);
  writer.varint(value);
}
