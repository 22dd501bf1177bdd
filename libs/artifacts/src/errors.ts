import { RetryableError, TerminalError } from '@rookery/contracts';

/** No artifact with that checksum is stored. */
export class ArtifactNotFoundError extends TerminalError {
  constructor(sha256: string, where: string) {
    super('RK_ARTIFACT_NOT_FOUND', `Artifact ${sha256} is not in ${where}.`, { details: { sha256, where } });
  }
}

/** What is stored under the checksum is not what was put there. */
export class ArtifactCorruptError extends TerminalError {
  constructor(sha256: string, where: string, problem: string, cause?: unknown) {
    super('RK_ARTIFACT_CORRUPT', `Artifact ${sha256} in ${where} is damaged: ${problem}.`, {
      details: { sha256, where, problem },
      ...(cause === undefined ? {} : { cause }),
    });
  }
}

/** The store did not answer; the same call may succeed later. */
export class ArtifactUnavailableError extends RetryableError {
  constructor(action: string, where: string, cause: unknown) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    super('RK_ARTIFACT_UNAVAILABLE', `Can't ${action} in ${where}: ${reason}.`, {
      details: { where },
      cause,
    });
  }
}

/** The URL or checksum given can't be used. */
export class ArtifactInvalidError extends TerminalError {
  constructor(message: string, details: Readonly<Record<string, string>> = {}) {
    super('RK_ARTIFACT_INVALID', message, { details });
  }
}
