import type { ArtifactStore } from '@rookery/artifacts';
import { TerminalError } from '@rookery/contracts';
import { ModelPackage } from '@rookery/proto/rookery/artifacts/v1/artifacts';

import type { PackageReader } from '../application/ports.js';

/** Reads model packages from the artifact store, which verifies their checksum. */
export function createPackageReader(artifacts: Pick<ArtifactStore, 'get'>): PackageReader {
  return {
    read: async (ref) => {
      const bytes = await artifacts.get(ref.sha256);
      try {
        return ModelPackage.decode(bytes);
      } catch (cause) {
        throw new TerminalError('RK_MODEL_CORRUPT', `artifact ${ref.sha256} is not a model package`, {
          cause,
          details: { sha256: ref.sha256 },
        });
      }
    },
  };
}
