/** Exit codes of every service (values of sysexits.h, so that an operator can tell them apart). */
export const exitCodes = {
  ok: 0,
  /** EX_UNAVAILABLE: NATS or MongoDB did not answer within the time allowed, or the port is taken. */
  unavailable: 69,
  /** EX_SOFTWARE: an uncaught exception or an unhandled rejection. */
  software: 70,
  /** EX_CONFIG: a variable is unknown, missing or has a bad value. */
  config: 78,
} as const;

/** Thrown while starting: ends the process with `exitCode`, after everything opened so far was closed. */
export class ServiceExitError extends Error {
  readonly exitCode: number;

  constructor(exitCode: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'ServiceExitError';
    this.exitCode = exitCode;
  }
}
