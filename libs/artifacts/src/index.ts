export type { ArtifactRef, ArtifactStore } from './artifact-store.js';
export {
  ArtifactCorruptError,
  ArtifactInvalidError,
  ArtifactNotFoundError,
  ArtifactUnavailableError,
} from './errors.js';
export { openArtifacts } from './open-artifacts.js';
export type { OpenArtifactsOptions } from './open-artifacts.js';
export { parseArtifactsUrl } from './artifacts-url.js';
export type { ArtifactsLocation } from './artifacts-url.js';
export { isSha256, sha256Of } from './checksum.js';
