import { createHash } from 'node:crypto';
import { ArtifactInvalidError } from './errors.js';

const SHA256 = /^[0-9a-f]{64}$/;

/** The SHA-256 of the bytes as 64 lower-case hex digits. */
export function sha256Of(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** True for 64 lower-case hex digits. */
export function isSha256(text: string): boolean {
  return SHA256.test(text);
}

/** Refuses anything that is not a checksum: it becomes part of a path, an object name and a subject. */
export function checkSha256(sha256: string): void {
  if (typeof sha256 !== 'string' || !isSha256(sha256)) {
    throw new ArtifactInvalidError(
      `'${String(sha256).slice(0, 100)}' is not a SHA-256 (64 lower-case hex digits).`,
      {
        sha256: String(sha256).slice(0, 100),
      },
    );
  }
}
