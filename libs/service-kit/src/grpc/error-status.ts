import { randomBytes } from 'node:crypto';
import * as grpc from '@grpc/grpc-js';
import { errorCodes, isErrorCode } from '@rookery/contracts';
import type { ErrorCode } from '@rookery/contracts';
import { errorMetadata, MOST_TEXT_BYTES } from './error-metadata.js';
import { fittingText } from './fitting-text.js';

/** The answer to a call that failed. */
export interface ErrorStatus {
  readonly code: grpc.status;
  /** Message for the caller. */
  readonly details: string;
  /** Trailing metadata: `rookery-error-code`, `rookery-error-hint`, `rookery-error-details-bin`. */
  readonly metadata: grpc.Metadata;
  /** Code of the error table, where the error has one. */
  readonly errorCode?: ErrorCode;
  /** Set for an unforeseen error: the id that stands in the answer and in the log. */
  readonly errorId?: string;
}

/**
 * The gRPC status of anything a handler threw:
 * - an error whose `code` is in the table of error codes: the status of the table, its message, code, hint and details;
 * - a failed call to another service: its status, message and Rookery code;
 * - anything after the call was cancelled: CANCELLED;
 * - anything else: INTERNAL with an opaque message and an id; message and stack stay in the log of the service.
 */
export function statusOfError(error: unknown, cancelled = false): ErrorStatus {
  const candidate = error as {
    code?: unknown;
    message?: unknown;
    hint?: unknown;
    details?: unknown;
    metadata?: unknown;
  };
  if (error instanceof Error && typeof candidate.code === 'string' && isErrorCode(candidate.code)) {
    const entry = errorCodes[candidate.code];
    return {
      code: grpc.status[entry.grpc],
      details: fittingText(error.message, MOST_TEXT_BYTES),
      metadata: errorMetadata(candidate.code, candidate.hint ?? entry.whatToDo, candidate.details),
      errorCode: candidate.code,
    };
  }
  if (cancelled)
    return { code: grpc.status.CANCELLED, details: 'The call was cancelled.', metadata: new grpc.Metadata() };
  if (error instanceof Error && isStatus(candidate.code) && typeof candidate.details === 'string') {
    const metadata = new grpc.Metadata();
    const received = candidate.metadata instanceof grpc.Metadata ? candidate.metadata : undefined;
    for (const key of ['rookery-error-code', 'rookery-error-hint', 'rookery-error-details-bin']) {
      for (const value of received?.get(key) ?? []) metadata.add(key, value);
    }
    const errorCode = String(metadata.get('rookery-error-code')[0] ?? '');
    return {
      code: candidate.code,
      details: fittingText(candidate.details, MOST_TEXT_BYTES),
      metadata,
      ...(isErrorCode(errorCode) ? { errorCode } : {}),
    };
  }
  const errorId = randomBytes(6).toString('hex');
  return {
    code: grpc.status.INTERNAL,
    details: `Internal error ${errorId}. The log of the service has the cause under this id.`,
    metadata: new grpc.Metadata(),
    errorId,
  };
}

function isStatus(code: unknown): code is grpc.status {
  return typeof code === 'number' && Number.isInteger(code) && code > 0 && code <= 16;
}
