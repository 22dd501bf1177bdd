import { endOfNumber, size } from './thrift-frame.js';

/** Values that a writer may pad a bit-packed run with. */
const MOST_PADDING = 511;

/** What a sequence of runs holds. */
export interface Runs {
  /** Where it ends. */
  readonly end: number;
  /** How many of its values are 1. */
  readonly ones: number;
}

/**
 * Walks runs of the hybrid of run-length encoding and bit-packing that stand for `count` values. A run of five bytes can
 * claim a billion values: none may go past the number that is due.
 */
export function walkRuns(view: DataView, at: number, width: number, count: number): Runs {
  const end = view.byteLength;
  let position = at;
  let seen = 0;
  let ones = 0;
  while (seen < count) {
    const [header, start] = size(view, position, end);
    const length = header >>> 1;
    const due = count - seen;
    if ((header & 1) === 1) {
      if (length * 8 > due + MOST_PADDING) throw new Error('a run claims more values than its page');
      if (width === 1) ones += onesIn(view, start, Math.min(length * 8, due));
      position = start + length * width;
      seen += length * 8;
    } else {
      if (length > due) throw new Error('a run claims more values than its page');
      if (width === 1 && start < end && view.getUint8(start) === 1) ones += length;
      position = start + ((width + 7) >> 3);
      seen += length;
    }
    if (position > end + 8) throw new Error('a run is longer than its page');
  }
  return { end: position, ones };
}

function onesIn(view: DataView, at: number, bits: number): number {
  let ones = 0;
  for (let i = 0; i < bits; i++) {
    const byte = at + (i >> 3);
    if (byte < view.byteLength && ((view.getUint8(byte) >> (i & 7)) & 1) === 1) ones++;
  }
  return ones;
}

/** Walks delta-encoded numbers: their blocks must have a size, and each number an end. */
export function walkDeltas(view: DataView, at: number, count: number): void {
  const end = view.byteLength;
  const [block, afterBlock] = size(view, at, end);
  const [parts, afterParts] = size(view, afterBlock, end);
  const [, afterCount] = size(view, afterParts, end);
  let position = endOfNumber(view, afterCount, end);
  if (parts < 1 || block < parts || block % parts !== 0) throw new Error('its deltas have no blocks');
  for (let seen = 1; seen < count;) {
    position = endOfNumber(view, position, end);
    const widths = position;
    position += parts;
    for (let i = 0; i < parts && seen < count; i++) {
      if (widths + i >= end) throw new Error('its deltas are cut off');
      const width = view.getUint8(widths + i);
      if (width > 64) throw new Error('its deltas are too wide');
      position += Math.ceil(((block / parts) * width) / 8);
      seen += block / parts;
    }
  }
}
