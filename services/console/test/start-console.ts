import { request } from 'node:http';
import type { IncomingHttpHeaders } from 'node:http';
import { fileURLToPath } from 'node:url';
import type { EventMeta } from '@rookery/bus';
import type { Authoriser } from '@rookery/service-kit';

import { createEventStreams } from '../src/adapters/event-stream.js';
import type { EventStreamOptions, EventStreams } from '../src/adapters/event-stream.js';
import { createHttpServer } from '../src/adapters/http-server.js';
import { createSignIn } from '../src/adapters/sign-in.js';
import { loadStaticFiles } from '../src/adapters/static-files.js';
import { apiRoutes } from '../src/application/api-routes.js';
import type { ApiDependencies } from '../src/application/api-routes.js';
import { createLiveHub } from '../src/application/live-hub.js';
import type { LiveHub } from '../src/application/live-hub.js';
import { createEventFeed } from '../src/domain/event-feed.js';
import { createProgressBook } from '../src/domain/progress-book.js';
import { fakeSystem } from './fake-system.js';

/** What came over the wire: each test looks at the part that it is about, and fails where that is not there. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type Json = any;

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  readonly json: Json;
}

export interface TestConsole {
  readonly url: string;
  readonly port: number;
  readonly data: ReturnType<typeof fakeSystem>;
  readonly hub: LiveHub;
  readonly streams: EventStreams;
  readonly errors: unknown[];
  readonly state: { ready: boolean };
  call(
    path: string,
    options?: { method?: string; headers?: Record<string, string>; body?: string },
  ): Promise<Answer>;
  stop(): Promise<void>;
}

/** The console over a system in memory, on a free port. */
export async function startTestConsole(
  options: {
    deps?: Partial<ApiDependencies>;
    streams?: EventStreamOptions;
    allowedHosts?: string[];
    port?: number;
    authoriser?: Authoriser;
    encrypted?: boolean;
  } = {},
): Promise<TestConsole> {
  const data = fakeSystem();
  const feed = createEventFeed();
  const book = createProgressBook();
  const hub = createLiveHub(feed, book);
  const streams = createEventStreams(hub, feed, options.streams);
  const errors: unknown[] = [];
  const state = { ready: true };
  const server = createHttpServer({
    routes: apiRoutes({
      data,
      services: ['ingest', 'registry', 'monitor'].map((name, index) => ({
        name,
        address: `127.0.0.1:${7073 + index}`,
      })),
      health: async (address) =>
        address.endsWith('7075') ? { status: 'UNREACHABLE', detail: 'refused' } : { status: 'SERVING' },
      busConnected: () => true,
      feed,
      book,
      jaegerUrl: 'http://127.0.0.1:16686',
      version: '0.1.0',
      ...options.deps,
    }),
    files: await loadStaticFiles(fileURLToPath(new URL('../public/', import.meta.url))),
    streams,
    allowedHosts: options.allowedHosts ?? [],
    ready: () => state.ready,
    signIn: createSignIn(options.authoriser, options.encrypted ?? false),
    onError: (error) => errors.push(error),
  });
  const port = await server.listen(options.port ?? 0, '127.0.0.1');
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    data,
    hub,
    streams,
    errors,
    state,
    call: (path, call = {}) => callHttp(port, path, call),
    stop: async () => {
      hub.stop();
      await server.stop(AbortSignal.timeout(2_000));
    },
  };
}

/** One request by Node's own client, which sends any Host header and no header of its own choosing. */
function callHttp(
  port: number,
  path: string,
  options: { method?: string; headers?: Record<string, string>; body?: string },
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const call = request(
      {
        host: '127.0.0.1',
        port,
        path,
        method: options.method ?? 'GET',
        headers: options.headers ?? {},
        agent: false,
      },
      (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => (text += chunk));
        response.on('error', reject);
        response.on('end', () => {
          const isJson = String(response.headers['content-type']).includes('json') && text !== '';
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            text,
            json: isJson ? JSON.parse(text) : undefined,
          });
        });
      },
    );
    call.on('error', reject);
    call.end(options.body);
  });
}

/** An event as the bus hands it on. */
export function eventMeta(type: string, key: string, n = 1): EventMeta {
  return {
    id: `${type}-${key}-${n}`,
    type,
    subject: `${type}.${key}`,
    key,
    source: '/services/registry',
    time: new Date(Date.UTC(2026, 2, 14, 9, 30, n % 60)),
    correlationId: 'c1',
    traceparent: `00-${'d'.repeat(32)}-${'1'.repeat(16)}-01`,
    deliveryCount: 1,
    stream: '',
    sequence: 0,
  };
}
