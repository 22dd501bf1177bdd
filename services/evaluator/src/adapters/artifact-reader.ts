import type { ArtifactStore } from '@rookery/artifacts';
import { FoldBundle, TrainedModel } from '@rookery/proto/rookery/artifacts/v1/artifacts';
import { tableFromArrow } from '@rookery/tabular';
import type { Table } from '@rookery/tabular';

import type { ArtifactReader } from '../application/artifact-reader.js';

/** Decoded data sets that are kept. */
const tablesKept = 4;

/** Reads and decodes artifacts; a data set is decoded once while it is among those used last. */
export function artifactReader(artifacts: ArtifactStore): ArtifactReader {
  const tables = new Map<string, Promise<Table>>();
  return {
    bundle: async (sha256) => FoldBundle.decode(await artifacts.get(sha256)),
    trained: async (sha256) => TrainedModel.decode(await artifacts.get(sha256)),
    outputs: async (sha256) => {
      const bytes = await artifacts.get(sha256);
      const aligned = Uint8Array.from(bytes);
      return new Float32Array(aligned.buffer);
    },
    async table(sha256) {
      const table = tables.get(sha256) ?? artifacts.get(sha256).then(tableFromArrow);
      // Taken out and put in again: the first key of the map is the one unused for longest.
      tables.delete(sha256);
      tables.set(sha256, table);
      const oldest = tables.keys().next().value;
      if (tables.size > tablesKept && oldest !== undefined) tables.delete(oldest);
      try {
        return await table;
      } catch (error) {
        if (tables.get(sha256) === table) tables.delete(sha256);
        throw error;
      }
    },
  };
}
