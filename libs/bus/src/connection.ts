import { setTimeout as sleep } from 'node:timers/promises';
import { connect, createInbox } from '@nats-io/transport-node';
import type { NatsConnection } from '@nats-io/transport-node';
import { RetryableError, TerminalError } from '@rookery/contracts';
import { connectionSettings } from './login.js';
import { createReconnectDelay } from './reconnect-delay.js';
import type { ConnectBusOptions, Logger } from './types.js';

/** A connection that never gives up, and who wants to know how it is doing. */
export interface Connection {
  readonly nc: NatsConnection;
  connected: () => boolean;
  /** A new subject for answers, below the prefix of this service. */
  newInbox: () => string;
  /** Resolves at once where connected, else with the next reconnect; rejects after `timeoutMs` or when closed. */
  whenConnected: (timeoutMs: number) => Promise<void>;
  /** Calls back on every change; returns the way to stop that. */
  onChange: (listener: (change: 'disconnect' | 'reconnect' | 'close') => void) => () => void;
}

const pingEveryMs = 10_000;

/**
 * Connects, waiting for a broker that is not there yet (`connectDeadlineMs`), then keeps the connection for ever:
 * unlimited reconnects every 50–300 ms, pings every 10 s, two missed pings are a lost connection.
 *
 * @throws RetryableError `RK_BUS_UNAVAILABLE` where no broker answered in time; TerminalError `RK_BUS_UNAUTHORISED` for a
 *   refused login, at once.
 */
export async function openConnection(options: ConnectBusOptions, logger: Logger): Promise<Connection> {
  const delay = createReconnectDelay();
  const nc = await firstConnection(options, logger, delay.next);
  const listeners = new Set<(change: 'disconnect' | 'reconnect' | 'close') => void>();
  let up = true;
  const tell = (change: 'disconnect' | 'reconnect' | 'close'): void => {
    up = change === 'reconnect';
    for (const listener of [...listeners]) listener(change);
  };
  void (async () => {
    for await (const status of nc.status()) {
      if (status.type === 'disconnect') {
        logger.warn({ server: status.server }, 'lost the connection to the broker, reconnecting');
        tell('disconnect');
      } else if (status.type === 'reconnect') {
        logger.info({ server: status.server }, 'connected to the broker again');
        tell('reconnect');
      } else if (status.type === 'reconnecting') {
        delay.dialled();
      } else if (status.type === 'error') {
        logger.error({ err: status.error }, 'the broker reported an error');
      } else if (status.type === 'slowConsumer') {
        logger.warn(
          { subject: status.sub.getSubject(), pending: status.pending },
          'a subscription falls behind',
        );
      } else if (status.type === 'ldm') {
        logger.warn({ server: status.server }, 'the broker is about to shut down');
      }
    }
  })();
  void nc.closed().then((error) => {
    if (error) logger.error({ err: error }, 'the connection to the broker is closed for good');
    tell('close');
  });
  const onChange: Connection['onChange'] = (listener) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  };
  return {
    nc,
    connected: () => up && !nc.isClosed(),
    newInbox: () => createInbox(inboxPrefix(options.name)),
    onChange,
    whenConnected: (timeoutMs) =>
      new Promise<void>((resolve, reject) => {
        if (nc.isClosed()) return reject(unavailable(options.url, 'the connection is closed'));
        if (up) return resolve();
        const finish = (error?: Error): void => {
          clearTimeout(timer);
          off();
          if (error) reject(error);
          else resolve();
        };
        const timer = setTimeout(
          () => finish(unavailable(options.url, `no connection for ${timeoutMs} ms`)),
          timeoutMs,
        );
        const off = onChange((change) => {
          if (change === 'reconnect') finish();
          if (change === 'close') finish(unavailable(options.url, 'the connection is closed'));
        });
      }),
  };
}

async function firstConnection(
  options: ConnectBusOptions,
  logger: Logger,
  reconnectDelayHandler: () => number,
): Promise<NatsConnection> {
  const deadline = performance.now() + (options.connectDeadlineMs ?? 60_000);
  const { servers, authenticator = [], tls } = connectionSettings(options.url, options.login);
  const authenticators = [...authenticator, ...[options.authenticator ?? []].flat()];
  for (let attempt = 1; ; attempt++) {
    try {
      return await connect({
        servers,
        name: options.name,
        // A user of the broker may be allowed to see its own answers only.
        inboxPrefix: inboxPrefix(options.name),
        // Credentials that are refused now may be accepted after the next reload: never give up.
        ignoreAuthErrorAbort: true,
        maxReconnectAttempts: -1,
        reconnectDelayHandler,
        pingInterval: pingEveryMs,
        maxPingOut: 2,
        timeout: 5_000,
        // A stack for every request costs more than the request; errors name subject and cause without it.
        noAsyncTraces: true,
        ...(authenticators.length === 0 ? {} : { authenticator: authenticators }),
        ...(tls === undefined ? {} : { tls }),
      });
    } catch (error) {
      const refused = error instanceof Error && error.name === 'AuthorizationError';
      if (refused) throw unauthorised(options, error);
      if (performance.now() >= deadline) throw unavailable(options.url, 'no broker answered', error);
      if (attempt === 1 || attempt % 20 === 0) {
        logger.warn({ url: withoutSecrets(options.url), attempt }, 'waiting for the broker');
      }
      await sleep(Math.min(500, 50 * attempt));
    }
  }
}

/** Where answers to the requests of a service come in: `_INBOX.<name>`. */
export function inboxPrefix(name: string): string {
  return `_INBOX.${name.replaceAll(/[^\w-]/g, '_')}`;
}

function unauthorised(options: ConnectBusOptions, cause: unknown): TerminalError {
  return new TerminalError(
    'RK_BUS_UNAUTHORISED',
    `broker ${withoutSecrets(options.url)} does not let ${options.name} in`,
    { cause },
  );
}

function unavailable(url: string, what: string, cause?: unknown): RetryableError {
  return new RetryableError('RK_BUS_UNAVAILABLE', `broker ${withoutSecrets(url)}: ${what}`, {
    hint: 'Start nats-server with JetStream enabled, or correct the address.',
    ...(cause === undefined ? {} : { cause }),
  });
}

function withoutSecrets(url: string): string {
  return url.replace(/\/\/[^@/,]*@/g, '//');
}
