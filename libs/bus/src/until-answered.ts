import { setTimeout as sleep } from 'node:timers/promises';
import { RetryableError } from '@rookery/contracts';
import type { Connection } from './connection.js';
import { isTransient, untilDisconnected } from './broker-errors.js';
import { retryDelayMs } from './retry.js';

/**
 * Asks the broker something that changes nothing when it is asked twice, and asks again while the broker is away or
 * starting: a service whose broker goes away while it starts waits for it, as one that is running does. What the broker
 * refuses is thrown as it is, at once.
 *
 * @throws RetryableError `RK_BUS_UNAVAILABLE` naming `what` where no answer came within `deadlineMs`, or the connection is
 *   closed for good.
 */
export async function untilAnswered<R>(
  connection: Pick<Connection, 'nc' | 'whenConnected' | 'onChange'>,
  what: string,
  ask: () => Promise<R>,
  deadlineMs = 30_000,
): Promise<R> {
  const deadline = performance.now() + deadlineMs;
  for (let attempt = 1; ; attempt += 1) {
    try {
      await connection.whenConnected(Math.max(1, deadline - performance.now()));
      return await untilDisconnected(connection, what, ask());
    } catch (error) {
      if (!isTransient(error)) throw error;
      const delay = retryDelayMs(attempt, { baseMs: 50, maxMs: 1_000 });
      if (connection.nc.isClosed() || performance.now() + delay >= deadline) {
        throw new RetryableError('RK_BUS_UNAVAILABLE', `${what}: the broker did not answer`, {
          hint: 'Look whether nats-server runs and has JetStream enabled; the service tries again when it is started again.',
          cause: error,
        });
      }
      await sleep(delay);
    }
  }
}
