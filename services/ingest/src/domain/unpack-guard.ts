import { TerminalError } from '@rookery/contracts';

/** Below this a ratio says nothing: a small file of one repeated row packs thousandfold. */
const FREE_BYTES = 64 * 1024 * 1024;

/** Counts what goes into a decompressor and what comes out. */
export interface UnpackGuard {
  packed(bytes: number): void;
  /** Throws RK_DATASET_TOO_LARGE where more than the ratio allows came out. */
  unpacked(bytes: number): void;
}

/** A guard for one file: more than 64 MiB may come out only up to `maxRatio` times what went in. */
export function createUnpackGuard(maxRatio: number): UnpackGuard {
  let before = 0;
  let after = 0;
  return {
    packed(bytes) {
      before += bytes;
    },
    unpacked(bytes) {
      after += bytes;
      if (after <= FREE_BYTES || after <= before * maxRatio) return;
      throw new TerminalError(
        'RK_DATASET_TOO_LARGE',
        `${before} packed bytes give more than ${maxRatio} times as many: this looks like a decompression bomb`,
        {
          details: { packed: String(before), unpacked: String(after), limit: String(maxRatio) },
          hint: 'Publish the file unpacked, or raise ROOKERY_MAX_UNPACK_RATIO.',
        },
      );
    },
  };
}
