import type { ArtifactStore } from '@rookery/artifacts';
import { ReferenceProfile } from '@rookery/proto/rookery/artifacts/v1/artifacts';

import type { ReferenceReader } from '../application/reporter.js';

/** References that are kept decoded. */
const kept = 16;

/** Reads reference profiles; those used last are kept decoded. */
export function referenceReader(artifacts: Pick<ArtifactStore, 'get'>): ReferenceReader {
  const profiles = new Map<string, ReferenceProfile>();
  return async (sha256) => {
    const known = profiles.get(sha256);
    if (known) return known;
    const profile = ReferenceProfile.decode(await artifacts.get(sha256));
    profiles.set(sha256, profile);
    const oldest = profiles.keys().next().value;
    if (profiles.size > kept && oldest !== undefined) profiles.delete(oldest);
    return profile;
  };
}
