import { setTimeout as sleep } from 'node:timers/promises';
import type { Msg, Subscription } from '@nats-io/transport-node';
import type { Connection } from './connection.js';
import { toDelivery } from './delivery.js';
import type { Delivery } from './delivery.js';
import { retryDelayMs } from './retry.js';
import type { Logger } from './types.js';

/** What a pull loop works with. */
export interface PullLoopOptions {
  connection: Connection;
  stream: string;
  durable: string;
  /** Makes sure that the consumer exists; called when there is reason to doubt it. */
  ensure: () => Promise<unknown>;
  /** Ends the delivery (ack, nak or term) before it resolves; must not reject. */
  onDelivery: (delivery: Delivery) => Promise<void>;
  logger: Logger;
}

/** One worker: it asks for one message, handles it, asks for the next. */
export interface PullLoop {
  /** Asks for nothing more; resolves when the broker can no longer send to this loop. What still comes in is handed back. */
  stopPulling(): Promise<void>;
  /** Resolves when the last delivery has been handled. Only after `stopPulling`. */
  idle: Promise<void>;
}

type PullOutcome =
  | { kind: 'delivery'; delivery: Delivery }
  /** The request ran out, nothing was there: ask again at once. */
  | { kind: 'expired' }
  /** The broker refused for now. */
  | { kind: 'busy'; reason: string }
  /** The consumer may be gone, or nobody listens: look, then ask again. */
  | { kind: 'doubt'; reason: string };

const expiresMs = 30_000;
const heartbeatMs = 5_000;
const silenceMs = 12_500;

/**
 * Runs a pull loop of batch size one against a durable consumer. One message at a time and none in a client queue:
 * no acknowledgement clock runs for a message that nobody handles yet, and order is kept. A waiting request is
 * answered by the broker as soon as a message is stored.
 *
 * Own loop instead of the client's `consume`: it must notice a deleted consumer at once (the client waits for two
 * missed heartbeats), re-create it, and ask again at once after a reconnect.
 */
export function startPullLoop(options: PullLoopOptions): PullLoop {
  const { connection, logger } = options;
  const nc = connection.nc;
  let stopped = false;
  let subscription: Subscription | undefined;
  let inbox = '';
  let request = 0;
  // By the monotonic clock: a wall clock that is set back must not keep the watchdog asleep.
  let heardAt = performance.now();
  let waiting: ((outcome: PullOutcome) => void) | undefined;
  const stopping = new AbortController();

  const pause = (ms: number): Promise<void> =>
    sleep(ms, undefined, { signal: stopping.signal }).catch(() => {});

  const settle = (outcome: PullOutcome): boolean => {
    const resolve = waiting;
    waiting = undefined;
    resolve?.(outcome);
    return resolve !== undefined;
  };

  const onMessage = (message: Msg): void => {
    heardAt = performance.now();
    const delivery = toDelivery(nc, message);
    if (delivery) {
      if (stopped || !settle({ kind: 'delivery', delivery })) delivery.nak();
    } else if (message.subject === `${inbox}.${request}`) {
      const outcome = outcomeOfStatus(message);
      if (outcome) settle(outcome);
    }
  };

  /** A fresh inbox takes the broker's interest away from older requests: they can deliver nothing any more. */
  const renewInbox = (): void => {
    const old = subscription;
    if (old && !old.isClosed() && !nc.isClosed()) void old.drain().catch(() => {});
    inbox = connection.newInbox();
    subscription = nc.subscribe(`${inbox}.*`, {
      callback: (error, message) => {
        if (error) settle({ kind: 'doubt', reason: error.message });
        else onMessage(message);
      },
    });
  };

  const pull = (): Promise<PullOutcome> =>
    new Promise((resolve) => {
      request += 1;
      waiting = resolve;
      heardAt = performance.now();
      const body = { batch: 1, expires: expiresMs * 1e6, idle_heartbeat: heartbeatMs * 1e6 };
      nc.publish(`$JS.API.CONSUMER.MSG.NEXT.${options.stream}.${options.durable}`, JSON.stringify(body), {
        reply: `${inbox}.${request}`,
      });
    });

  // After a reconnect too: a request made while the connection was down may have been lost on its way.
  const offChange = connection.onChange((change) =>
    settle({ kind: 'doubt', reason: `connection: ${change}` }),
  );
  const watchdog = setInterval(() => {
    if (performance.now() - heardAt > silenceMs) settle({ kind: 'doubt', reason: 'the broker is silent' });
  }, heartbeatMs / 2);

  /** Waits for the connection and the consumer, however long it takes. */
  const recoverConsumer = async (reason: string): Promise<void> => {
    logger.debug({ durable: options.durable, reason }, 'checking the consumer');
    for (let attempt = 1; !stopped && !nc.isClosed();) {
      try {
        if (!connection.connected()) await connection.whenConnected(500);
      } catch {
        continue;
      }
      try {
        await options.ensure();
        return;
      } catch (error) {
        if (attempt % 10 === 3)
          logger.warn({ err: error, durable: options.durable }, 'the consumer is not available');
        await pause(retryDelayMs(attempt, { baseMs: 50, maxMs: 2_000 }));
        attempt += 1;
      }
    }
  };

  const run = async (): Promise<void> => {
    let doubts = 0;
    renewInbox();
    while (!stopped && !nc.isClosed()) {
      const outcome = await pull();
      doubts = outcome.kind === 'doubt' ? doubts + 1 : 0;
      if (outcome.kind === 'delivery') {
        await options.onDelivery(outcome.delivery);
      } else if (outcome.kind === 'busy') {
        logger.debug({ durable: options.durable, reason: outcome.reason }, 'the broker asks to wait');
        await pause(100 + Math.random() * 150);
      } else if (outcome.kind === 'doubt') {
        // The consumer is there and still refuses: nothing to be gained from asking as fast as possible.
        if (doubts > 3) await pause(retryDelayMs(doubts - 3, { baseMs: 200, maxMs: 5_000 }));
        await recoverConsumer(outcome.reason);
        if (!stopped && !nc.isClosed()) renewInbox();
      }
    }
  };

  const idle = run()
    .catch((error: unknown) => {
      if (!stopped && !nc.isClosed())
        logger.error({ err: error, durable: options.durable }, 'the pull loop ended');
    })
    .finally(() => {
      clearInterval(watchdog);
      offChange();
    });
  return {
    idle,
    stopPulling: async () => {
      if (stopped) return;
      stopped = true;
      stopping.abort();
      settle({ kind: 'expired' });
      // Draining keeps the callback until the broker confirmed that nothing more comes: a late message is handed back.
      if (subscription && !subscription.isClosed() && connection.connected()) {
        await Promise.race([subscription.drain().catch(() => {}), sleep(2_000, undefined, { ref: false })]);
      }
    },
  };
}

function outcomeOfStatus(message: Msg): PullOutcome | undefined {
  const code = message.headers?.code ?? 0;
  const description = message.headers?.description ?? '';
  if (code === 100 || code === 0) return undefined; // heartbeat
  if (code === 404 || code === 408) return { kind: 'expired' };
  if (code === 409 && /exceeded|max/i.test(description)) return { kind: 'busy', reason: description };
  return { kind: 'doubt', reason: `${code} ${description}`.trim() };
}
