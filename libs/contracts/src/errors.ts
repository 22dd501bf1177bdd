import { errorCodes, isErrorCode } from './error-codes.js';
import type { ErrorCode } from './error-codes.js';

/** What may be said of an error beside its message. */
export interface ErrorOptions {
  /** What to do next; default: the code's own advice. */
  readonly hint?: string;
  /** The offending things by name: field, column, line … */
  readonly details?: Readonly<Record<string, string>>;
  readonly cause?: unknown;
}

/** Root of all errors of Rookery: a code of the table, a message for a person, and what to do next. */
export class RookeryError extends Error {
  readonly code: ErrorCode;
  readonly hint: string;
  readonly details: Readonly<Record<string, string>>;

  constructor(code: ErrorCode, message: string, options: ErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.code = code;
    this.hint = options.hint ?? errorCodes[code].whatToDo;
    this.details = options.details ?? {};
  }
}

/** Trying again can't help: the message goes to the dead letters at once. */
export class TerminalError extends RookeryError {}

/** May succeed later: the message is delivered again, after `afterMs` where given. */
export class RetryableError extends RookeryError {
  readonly afterMs: number | undefined;

  constructor(code: ErrorCode, message: string, options: ErrorOptions & { readonly afterMs?: number } = {}) {
    super(code, message, options);
    this.afterMs = options.afterMs;
  }
}

/**
 * Normalises anything that was thrown. An error of a pure library that carries a `code` of the table (and maybe
 * `details`, `hint`) keeps it, and becomes terminal or retryable as the table says; anything else becomes
 * RK_HANDLER_FAILED, retryable, with the original as cause.
 */
export function toRookeryError(thrown: unknown): RookeryError {
  if (thrown instanceof RookeryError) return thrown;
  if (thrown instanceof Error) {
    const carried = thrown as Error & { code?: unknown; details?: unknown; hint?: unknown };
    if (typeof carried.code === 'string' && isErrorCode(carried.code)) {
      const options: ErrorOptions = {
        cause: thrown,
        ...(typeof carried.hint === 'string' ? { hint: carried.hint } : {}),
        ...(isStringRecord(carried.details) ? { details: carried.details } : {}),
      };
      return errorCodes[carried.code].retryable
        ? new RetryableError(carried.code, thrown.message, options)
        : new TerminalError(carried.code, thrown.message, options);
    }
    return new RetryableError('RK_HANDLER_FAILED', thrown.message, { cause: thrown });
  }
  return new RetryableError('RK_HANDLER_FAILED', String(thrown), { cause: thrown });
}

function isStringRecord(value: unknown): value is Record<string, string> {
  return (
    typeof value === 'object' &&
    value !== null &&
    Object.values(value).every((item) => typeof item === 'string')
  );
}
