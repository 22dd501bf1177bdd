import type { Logger } from './logger.js';

/**
 * Says once that telemetry cannot be exported, and once that it can again: a collector that is down for an hour must
 * not fill the log. Also takes the SDK's own diagnostics (the `DiagLogger` interface), of which only errors matter.
 */
export class ExportFailureLog {
  readonly #logger: Pick<Logger, 'warn' | 'info'> | undefined;
  #failing = false;
  /** Failures since the start, for tests and metrics. */
  failures = 0;

  constructor(logger: Pick<Logger, 'warn' | 'info'> | undefined) {
    this.#logger = logger;
  }

  /** One export failed. */
  failed(error: unknown): void {
    this.failures += 1;
    if (this.#failing) return;
    this.#failing = true;
    this.#logger?.warn(
      { reason: messageOf(error) },
      'telemetry cannot be exported; the service goes on without, and this is not logged again until it works',
    );
  }

  /** One export succeeded. */
  succeeded(): void {
    if (!this.#failing) return;
    this.#failing = false;
    this.#logger?.info({ failures: this.failures }, 'telemetry is exported again');
  }

  error = (message: string): void => this.failed(message);
  warn = (): void => undefined;
  info = (): void => undefined;
  debug = (): void => undefined;
  verbose = (): void => undefined;
}

function messageOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(messageOf).join('; ');
  if (error instanceof Error) return error.message || (error as { code?: string }).code || error.name;
  return String(error);
}
