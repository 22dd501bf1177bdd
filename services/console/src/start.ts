import { fileURLToPath } from 'node:url';
import { RookeryClient } from '@rookery/client';
import { checkHealth } from '@rookery/service-kit/client';
import type { Kit } from '@rookery/service-kit';

import { watchBus } from './adapters/bus-watch.js';
import { createEventStreams } from './adapters/event-stream.js';
import { createHttpServer } from './adapters/http-server.js';
import { createSignIn, maySpeakForOthers } from './adapters/sign-in.js';
import { loadStaticFiles } from './adapters/static-files.js';
import { apiRoutes } from './application/api-routes.js';
import { createLiveHub } from './application/live-hub.js';
import { addressesOf, allowedHostsOf } from './config.js';
import type { config } from './config.js';
import { createEventFeed } from './domain/event-feed.js';
import { createProgressBook } from './domain/progress-book.js';

const watched = ['ingest', 'transform', 'trainer', 'evaluator', 'registry', 'inference', 'monitor'] as const;

/** Composes the console; it listens and is ready when this has resolved. */
export async function startConsole(kit: Kit<(typeof config)[number]>): Promise<void> {
  const addresses = addressesOf(kit.config);
  const { peers, encrypted, authoriser, createHttpServer: openServer } = kit.security;
  const client = new RookeryClient({ addresses, name: kit.name, peers });
  const feed = createEventFeed();
  const book = createProgressBook();
  const hub = createLiveHub(feed, book);
  const streams = createEventStreams(hub, feed);
  const { bus } = kit;
  let ready = false;
  const server = createHttpServer({
    routes: apiRoutes({
      data: client,
      services: watched.map((name) => ({ name, address: addresses[name] })),
      health: (address) => checkHealth(address, '', 1000, peers.credentials),
      busConnected: () => bus.status().connected,
      feed,
      book,
      jaegerUrl: kit.config.ROOKERY_JAEGER_URL,
      version: kit.version,
    }),
    // The same place seen from src/ and from dist/.
    files: await loadStaticFiles(fileURLToPath(new URL('../public/', import.meta.url))),
    streams,
    allowedHosts: allowedHostsOf(kit.config),
    ready: () => ready,
    signIn: createSignIn(authoriser, encrypted),
    createServer: openServer,
    onError: (error, path) => {
      kit.logger.error({ err: error, path }, 'a request failed');
    },
  });
  if (!maySpeakForOthers(authoriser, peers.token()))
    kit.logger.warn(
      'turns of runs will be refused: give the token of the console the roles read, publish and delegate',
    );
  const stopWatch = await watchBus(bus, hub, kit.logger);
  const port = await server.listen(kit.config.ROOKERY_CONSOLE_PORT, kit.config.ROOKERY_HOST);
  ready = true;
  kit.logger.info({ http: `${kit.config.ROOKERY_HOST}:${port}` }, 'the console listens');
  kit.onStop(
    async (signal) => {
      ready = false;
      await stopWatch();
      hub.stop();
      await server.stop(signal);
      await client.close();
    },
    { name: 'http server', phase: 'intake' },
  );
}
