/** The codes this package throws; each has a row in the table of error codes of the contracts. */
export type NnErrorCode =
  | 'RK_SPEC_INVALID'
  | 'RK_BACKEND_UNAVAILABLE'
  | 'RK_TRAIN_INPUT'
  | 'RK_TRAIN_DIVERGED'
  | 'RK_MODEL_CORRUPT'
  | 'RK_MODEL_UNSUPPORTED';

export interface NnErrorOptions {
  /** Machine-readable particulars, for example `{ field: 'layers[1].units' }`. */
  details?: Record<string, string>;
  /** What to do next. */
  hint?: string;
  cause?: unknown;
}

/** Every error this package throws on purpose: a code, particulars, and what to do next. */
export class NnError extends Error {
  readonly code: NnErrorCode;
  readonly details: Record<string, string>;
  readonly hint: string | undefined;

  constructor(code: NnErrorCode, message: string, options: NnErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'NnError';
    this.code = code;
    this.details = options.details ?? {};
    this.hint = options.hint;
  }
}
