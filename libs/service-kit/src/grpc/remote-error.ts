import type * as grpc from '@grpc/grpc-js';
import { errorCodes, isErrorCode, RetryableError, TerminalError } from '@rookery/contracts';
import type { RookeryError } from '@rookery/contracts';
import { readErrorMetadata } from './error-metadata.js';

/** What the server said of a failed call. */
export interface RemoteError {
  code: string;
  hint?: string;
  details?: Record<string, string>;
}

/**
 * The `RookeryError` that the other service threw, rebuilt from a failed gRPC call: terminal or retryable as the error
 * table says. `undefined` if the call failed for a reason outside Rookery, or with a code this version does not know.
 */
export function remoteErrorOf(error: Partial<grpc.ServiceError>): RookeryError | undefined {
  const remote: RemoteError | undefined = readErrorMetadata(error.metadata);
  if (remote === undefined || !isErrorCode(remote.code)) return undefined;
  const options = {
    cause: error,
    ...(remote.hint === undefined ? {} : { hint: remote.hint }),
    ...(remote.details === undefined ? {} : { details: remote.details }),
  };
  const message = error.details ?? error.message ?? remote.code;
  return errorCodes[remote.code].retryable
    ? new RetryableError(remote.code, message, options)
    : new TerminalError(remote.code, message, options);
}
