import { RetryableError, RookeryError } from '@rookery/contracts';
import type { Connection } from './connection.js';

const transientNames = new Set(['TimeoutError', 'NoRespondersError', 'RequestError', 'JetStreamNotEnabled']);

/** Whether the broker is away, starting or out of a resource, so that the same request may succeed later. */
export function isTransient(error: unknown): boolean {
  if (error instanceof RookeryError) return error instanceof RetryableError;
  if (!(error instanceof Error)) return false;
  // What a user of the broker may not do comes in the same wrapping, and no waiting mends it.
  if (error.cause instanceof Error && error.cause.name === 'PermissionViolationError') return false;
  // JetStream answers with status 503 while it starts, elects a leader or is out of a resource.
  return transientNames.has(error.name) || (error as Error & { status?: unknown }).status === 503;
}

/** "No responders": either JetStream is still starting, or no stream takes the subject. */
export function isNoResponder(error: unknown): boolean {
  for (let at: unknown = error; at instanceof Error; at = at.cause) {
    if (at.name === 'NoRespondersError' || at.name === 'JetStreamNotEnabled') return true;
  }
  return false;
}

/** A request to a broker that died would only end at its time-out: ends it with the connection instead. */
export async function untilDisconnected<R>(
  connection: Pick<Connection, 'onChange'>,
  what: string,
  request: Promise<R>,
): Promise<R> {
  let off = (): void => {};
  const lost = new Promise<never>((_, reject) => {
    off = connection.onChange((change) => {
      if (change === 'reconnect') return;
      reject(new RetryableError('RK_BUS_UNAVAILABLE', `${what}: the connection was lost`));
    });
  });
  try {
    return await Promise.race([request, lost]);
  } finally {
    off();
  }
}
