import { brotliDecompressSync, gunzipSync } from 'node:zlib';

import type { Compressors } from 'hyparquet';
import { compressors, decompressZstd } from 'hyparquet-compressors';

import { zstdFrames } from './zstd-frames.js';

/**
 * Decompressors that give no more than the size that a page declares, and work no longer than that size takes. Those of gzip
 * and brotli are the platform's. That of Zstandard believes what a block says of its lengths and what a frame says of its
 * window, so both are added up before, and it writes into memory of the declared size.
 */
export const boundedCompressors: Compressors = {
  ...compressors,
  GZIP: (input, length) => gunzipSync(input, { maxOutputLength: Math.max(1, length) }),
  BROTLI: (input, length) => brotliDecompressSync(input, { maxOutputLength: Math.max(1, length) }),
  ZSTD: (input, length) => {
    const frames = zstdFrames(input, length);
    const output = new Uint8Array(frames.reduce((sum, { size }) => sum + size, 0));
    let at = 0;
    for (const { start, end, size } of frames) {
      decompressZstd(input.subarray(start, end), output.subarray(at, at + size));
      at += size;
    }
    return output;
  },
};
