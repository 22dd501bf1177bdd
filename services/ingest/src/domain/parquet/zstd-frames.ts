import { blockContentSize } from './zstd-block.js';
import type { SequenceTables } from './zstd-block.js';

/** A Zstandard frame within its input, and what it unpacks to. */
export interface ZstdFrame {
  readonly start: number;
  readonly end: number;
  readonly size: number;
}

const magic = 0xfd2fb528;
/** Frames to be passed over begin with one of sixteen numbers. */
const skippable = 0x184d2a5;

/**
 * The frames of an input, walked without unpacking anything: the size of a block is in its header, that of a compressed one is
 * the length of its literals and of its matches. So the work is bounded by `limit`, whatever the input claims. Throws an Error
 * where it is damaged, or unpacks to more than `limit`.
 */
export function zstdFrames(input: Uint8Array, limit: number): ZstdFrame[] {
  const view = new DataView(input.buffer, input.byteOffset, input.byteLength);
  const frames: ZstdFrame[] = [];
  let left = limit;
  for (let at = 0; at < input.length;) {
    const first = view.getUint32(at, true);
    if (first >>> 4 === skippable) {
      at += 8 + view.getUint32(at + 4, true);
      continue;
    }
    if (first !== magic) throw new Error('a page is no Zstandard frame');
    const frame = frameAt(view, at, left);
    left -= frame.size;
    frames.push(frame);
    at = frame.end;
  }
  return frames;
}

function frameAt(view: DataView, start: number, limit: number): ZstdFrame {
  const flags = view.getUint8(start + 4);
  const single = (flags >> 5) & 1;
  const content = flags >> 6 === 0 ? single : 1 << (flags >> 6);
  let at = start + 5 + (1 - single) + (flags & 3 ? 1 << ((flags & 3) - 1) : 0) + content;
  const tables: SequenceTables = {};
  let size = 0;
  for (let last = false; !last;) {
    const head = view.getUint16(at, true) | (view.getUint8(at + 2) << 16);
    const length = head >> 3;
    const type = (head >> 1) & 3;
    last = (head & 1) === 1;
    at += 3;
    if (type === 3) throw new Error('a page has a block of an unknown type');
    const packed = type === 1 ? 1 : length;
    if (at + packed > view.byteLength) throw new Error('a page has a block beyond its end');
    size +=
      type === 2
        ? blockContentSize(new Uint8Array(view.buffer, view.byteOffset + at, packed), tables)
        : length;
    if (size > limit) throw new Error('a page unpacks to more than it says');
    at += packed;
  }
  const end = at + (flags & 4 ? 4 : 0);
  if (end > view.byteLength) throw new Error('a page ends before its checksum');
  return { start, end, size };
}
