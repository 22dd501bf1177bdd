import { brotliDecompressSync, gunzipSync } from 'node:zlib';

import type { Compressors } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';

/** Blocks of Zstandard unpack to at most this. */
const ZSTD_BLOCK_BYTES = 128 * 1024;

/**
 * Decompressors that give no more than the size that a page declares. Those of gzip and brotli are the platform's; what a
 * Zstandard frame can unpack to is bounded by its blocks, which are counted first.
 */
export const boundedCompressors: Compressors = {
  ...compressors,
  GZIP: (input, length) => gunzipSync(input, { maxOutputLength: Math.max(1, length) }),
  BROTLI: (input, length) => brotliDecompressSync(input, { maxOutputLength: Math.max(1, length) }),
  ZSTD: (input, length) => {
    const blocks = blocksOf(input);
    // Encoders may cut blocks short, but not to a hundredth.
    if (blocks * ZSTD_BLOCK_BYTES > Math.max(64 * 1024 * 1024, 100 * length))
      throw new Error('a page has far more blocks than its size needs');
    return compressors.ZSTD!(input, length);
  },
};

/** Number of blocks of a Zstandard frame; throws for a frame that declares a larger content than fits a page. */
function blocksOf(input: Uint8Array): number {
  const view = new DataView(input.buffer, input.byteOffset, input.byteLength);
  if (input.length < 9 || view.getUint32(0, true) !== 0xfd2fb528)
    throw new Error('a page is no Zstandard frame');
  const flags = view.getUint8(4);
  const single = (flags >> 5) & 1;
  const content = flags >> 6 === 0 ? single : 1 << (flags >> 6);
  let at = 5 + (1 - single) + [0, 1, 2, 4][flags & 3]! + content;
  let blocks = 0;
  while (at + 3 <= input.length) {
    const head = view.getUint8(at) | (view.getUint8(at + 1) << 8) | (view.getUint8(at + 2) << 16);
    blocks++;
    at += 3 + (((head >> 1) & 3) === 1 ? 1 : head >> 3);
    if ((head & 1) === 1) break;
  }
  return blocks;
}
