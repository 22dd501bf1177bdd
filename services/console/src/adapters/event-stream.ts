import { randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { RetryableError } from '@rookery/contracts';

import type { LiveHub, LiveMessage } from '../application/live-hub.js';
import type { EventFeed } from '../domain/event-feed.js';
import { securityHeaders } from './security.js';

/** Limits of {@link createEventStreams}. */
export interface EventStreamOptions {
  /** A comment is sent this often, so that proxies keep the connection and a dead one is noticed. Default 15,000 ms. */
  readonly heartbeatMs?: number;
  /** Clients at once. Default 64. */
  readonly maxClients?: number;
  /** Bytes that may wait for a slow client; beyond that messages are dropped and it is told so. Default 256 KiB. */
  readonly maxBufferedBytes?: number;
}

/** Server-sent events for the pages. */
export interface EventStreams {
  /**
   * Answers with a stream: `event` for each event of the bus, `progress` (epochs of `runId`, where given) and `shares`
   * (how far each run is), `gap` after something was lost: the page reads everything again then. `lastEventId` of a
   * reconnecting browser brings the events that it missed. RK_OVERLOADED where too many are connected.
   */
  open(
    response: ServerResponse,
    options: {
      runId: string | undefined;
      lastEventId: string | undefined;
      /** Asked at every heartbeat; false ends the stream. Default: it may. */
      mayGoOn?: () => boolean;
    },
  ): void;
  clients(): number;
  /** Ends all streams. */
  stop(): void;
}

/** Streams of what a hub tells. */
export function createEventStreams(
  hub: LiveHub,
  feed: EventFeed,
  options: EventStreamOptions = {},
): EventStreams {
  const { heartbeatMs = 15_000, maxClients = 64, maxBufferedBytes = 256 * 1024 } = options;
  // Positions in the feed start again with the process: an id of another life means nothing.
  const life = randomUUID().slice(0, 8);
  const closers = new Set<() => void>();

  const open: EventStreams['open'] = (response, { runId, lastEventId, mayGoOn }) => {
    if (closers.size >= maxClients) {
      throw new RetryableError('RK_OVERLOADED', `${maxClients} live connections are open already`, {
        hint: 'Close some pages of the console.',
      });
    }
    response.writeHead(200, {
      ...securityHeaders,
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      connection: 'keep-alive',
      'x-accel-buffering': 'no',
    });
    let lost = false;
    const send = (text: string): void => {
      if (response.writableLength > maxBufferedBytes) {
        lost = true;
        return;
      }
      const gap = lost ? 'event: gap\ndata: {}\n\n' : '';
      lost = false;
      response.write(gap + text, () => {
        // Something was dropped and all before it is sent: the page must not wait for the next message to learn of it.
        if (lost && response.writableLength === 0) send('');
      });
    };
    const message = (name: string, data: unknown, id?: string): void => {
      send(`${id === undefined ? '' : `id: ${id}\n`}event: ${name}\ndata: ${JSON.stringify(data)}\n\n`);
    };
    const tell = (live: LiveMessage): void => {
      if (live.kind === 'event') {
        message('event', live.line, `${life}-${live.line.n}`);
        return;
      }
      const points = runId === undefined ? [] : live.points.filter((point) => point.runId === runId);
      if (points.length > 0) message('progress', points);
      message('shares', live.shares);
    };
    send('retry: 2000\n\n');
    message('hello', { life });
    for (const line of missedBy(lastEventId)) message('event', line, `${life}-${line.n}`);
    if (lost) send('');
    const unsubscribe = hub.subscribe(tell);
    const heartbeat = setInterval(() => {
      if (mayGoOn?.() === false) {
        close();
        return;
      }
      send(': still here\n\n');
    }, heartbeatMs).unref();
    const close = (): void => {
      clearInterval(heartbeat);
      unsubscribe();
      closers.delete(close);
      response.end();
    };
    closers.add(close);
    response.once('close', close);
    response.once('error', close);

    function missedBy(id: string | undefined): ReturnType<EventFeed['all']> {
      if (id === undefined) return [];
      const [idLife, n] = id.split('-');
      const missed = idLife === life ? feed.after(Number(n)) : undefined;
      if (!missed) lost = true;
      return missed ?? [];
    }
  };
  return {
    open,
    clients: () => closers.size,
    stop: () => {
      for (const close of [...closers]) close();
    },
  };
}
