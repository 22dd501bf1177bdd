import type { Logger } from '@rookery/bus';

/** What warming works with. */
export interface WarmParts {
  /** Loads what the first model needs. */
  readonly warm: () => Promise<void>;
  /** Whether a model is there already: loading it warmed everything up. */
  readonly served: () => boolean;
  readonly afterMs: number;
  readonly logger: Pick<Logger, 'warn'>;
}

/**
 * Warms a replica that serves nothing yet, when its start is done: TensorFlow.js takes some 0.2 s to load, which the first
 * model would wait for. Nothing waits for it, and where it fails, the first model meets the error. Returns how to call it off.
 */
export function warmWhenIdle({ warm, served, afterMs, logger }: WarmParts): () => void {
  const timer = setTimeout(() => {
    if (served()) return;
    warm().catch((error: unknown) => {
      logger.warn({ err: error }, 'the replica could not be warmed up: its first model takes longer');
    });
  }, afterMs);
  timer.unref();
  return () => clearTimeout(timer);
}
