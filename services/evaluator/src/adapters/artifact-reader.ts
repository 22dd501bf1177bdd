import type { ArtifactStore } from '@rookery/artifacts';
import { FoldBundle, TrainedModel } from '@rookery/proto/rookery/artifacts/v1/artifacts';
import { tableFromArrow } from '@rookery/tabular';
import type { Table } from '@rookery/tabular';

import type { ArtifactReader } from '../application/artifact-reader.js';

/** Decoded data sets that are kept, and the bytes that they may have together; the one used last stays, whatever its size. */
const tablesKept = 4;
const tableBytesKept = 64 * 1024 * 1024;

interface KeptTable {
  readonly table: Promise<Table>;
  /** Of its Arrow form, which is about what its columns take; 0 until it is read. */
  bytes: number;
}

/** Reads and decodes artifacts; a data set is decoded once while it is among those used last. */
export function artifactReader(artifacts: ArtifactStore): ArtifactReader {
  const tables = new Map<string, KeptTable>();
  const read = (sha256: string): KeptTable => {
    const kept: KeptTable = {
      bytes: 0,
      table: artifacts.get(sha256).then((bytes) => {
        kept.bytes = bytes.byteLength;
        return tableFromArrow(bytes);
      }),
    };
    return kept;
  };
  /** Lets those go that were unused for longest: the first keys of the map. */
  const trim = (): void => {
    for (const oldest of tables.keys()) {
      const bytes = [...tables.values()].reduce((sum, kept) => sum + kept.bytes, 0);
      if (tables.size <= 1 || (tables.size <= tablesKept && bytes <= tableBytesKept)) return;
      tables.delete(oldest);
    }
  };
  return {
    bundle: async (sha256) => FoldBundle.decode(await artifacts.get(sha256)),
    trained: async (sha256) => TrainedModel.decode(await artifacts.get(sha256)),
    outputs: async (sha256) => {
      const bytes = await artifacts.get(sha256);
      const aligned = Uint8Array.from(bytes);
      return new Float32Array(aligned.buffer);
    },
    async table(sha256) {
      const kept = tables.get(sha256) ?? read(sha256);
      // Taken out and put in again: it is the one used last now.
      tables.delete(sha256);
      tables.set(sha256, kept);
      trim();
      try {
        return await kept.table;
      } catch (error) {
        if (tables.get(sha256) === kept) tables.delete(sha256);
        throw error;
      } finally {
        trim();
      }
    },
  };
}
