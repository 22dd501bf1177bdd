import { createServer } from 'node:http';
import type { IncomingMessage, RequestListener, Server, ServerOptions, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { RetryableError, RookeryError, TerminalError, requireKey } from '@rookery/contracts';

import type { ApiRoute } from '../application/api-routes.js';
import { errorAnswer } from '../domain/error-view.js';
import type { EventStreams } from './event-stream.js';
import { readJsonBody } from './json-body.js';
import { createRouter } from './router.js';
import { requireKnownHost, requireSameOrigin, securityHeaders } from './security.js';
import type { SignIn } from './sign-in.js';
import type { StaticFile } from './static-files.js';

/** What the HTTP server needs. */
export interface HttpServerOptions {
  readonly routes: readonly ApiRoute[];
  readonly files: ReadonlyMap<string, StaticFile>;
  readonly streams: EventStreams;
  /** Names beside the loopback ones by which it may be called. */
  readonly allowedHosts: readonly string[];
  /** Whether the service is ready: what /health answers. */
  ready(): boolean;
  /** An error that nobody foresaw. */
  onError(error: unknown, path: string): void;
  /** Who may see and do what. */
  readonly signIn: SignIn;
  /** Makes the server; default plain HTTP. */
  readonly createServer?: (options: ServerOptions, listener: RequestListener) => Server;
}

/** The listening server. */
export interface HttpServer {
  listen(port: number, host: string): Promise<number>;
  /** Takes no new request, ends the live streams, waits for what is being answered; cut off when `signal` aborts. */
  stop(signal?: AbortSignal): Promise<void>;
}

type Route =
  | (ApiRoute & { readonly kind: 'api' })
  | { readonly kind: 'health' | 'stream'; readonly method: 'GET'; readonly path: string }
  | { readonly kind: 'session'; readonly method: 'GET' | 'POST' | 'DELETE'; readonly path: string };

/** The console over HTTP: the pages, the JSON API under /api/v1, the live stream, and /health. */
export function createHttpServer(options: HttpServerOptions): HttpServer {
  const { signIn } = options;
  const find = createRouter<Route>([
    ...options.routes.map((route) => ({ ...route, kind: 'api' as const })),
    { kind: 'health', method: 'GET', path: '/health' },
    { kind: 'stream', method: 'GET', path: '/api/v1/stream' },
    ...(['GET', 'POST', 'DELETE'] as const).map((method) => ({
      kind: 'session' as const,
      method,
      path: '/api/v1/session',
    })),
  ]);

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = urlOf(request.url ?? '/');
    const method = request.method ?? 'GET';
    const { found, ...missed } = find(method, url.pathname);
    // Probes call by address; the answer says nothing but that the service is up.
    if (found?.route.kind === 'health') {
      sendJson(response, method, options.ready() ? 200 : 503, {
        status: options.ready() ? 'SERVING' : 'NOT_SERVING',
      });
      return;
    }
    requireKnownHost(request.headers.host, options.allowedHosts);
    if (found?.route.kind === 'session') {
      sendJson(response, method, 200, await session(request, response, found.route.method));
      return;
    }
    if (found?.route.kind === 'stream') {
      signIn.require(request, ['read'], url.pathname);
      const runId = url.searchParams.get('run');
      options.streams.open(response, {
        runId: runId === null ? undefined : requireKey(runId, 'run'),
        lastEventId: request.headers['last-event-id']?.toString(),
        mayGoOn: () => maySee(request),
      });
      return;
    }
    if (found?.route.kind === 'api') {
      const { route, params } = found;
      const caller = signIn.require(request, route.access ?? ['read'], `${method} ${url.pathname}`)?.name;
      const body = method === 'POST' ? await bodyOf(request) : undefined;
      const answer = await route.answer({ params, query: url.searchParams, body, caller }).catch(asOwnFault);
      sendJson(response, method, 200, answer);
      return;
    }
    const file = options.files.get(url.pathname);
    const allowed =
      'allowed' in missed && missed.allowed.length > 0 ? missed.allowed : file ? ['GET', 'HEAD'] : [];
    if (allowed.length > 0 && !(file && (method === 'GET' || method === 'HEAD'))) {
      response.setHeader('allow', allowed.join(', '));
      throw new TerminalError(
        'RK_METHOD_NOT_ALLOWED',
        `${url.pathname} takes ${allowed.join(', ')}, not ${method}`,
      );
    }
    if (!file) throw new TerminalError('RK_ROUTE_NOT_FOUND', `There is nothing at ${url.pathname}`);
    sendFile(request, response, file);
  }

  async function session(
    request: IncomingMessage,
    response: ServerResponse,
    method: 'GET' | 'POST' | 'DELETE',
  ): Promise<unknown> {
    if (method === 'GET') return signIn.session(request);
    if (method === 'DELETE') {
      requireSameOrigin(request.headers);
      response.setHeader('set-cookie', signIn.end);
      return { required: signIn.session(request).required, name: null, roles: [] };
    }
    const { cookie, view } = signIn.begin(await bodyOf(request));
    if (view.required) response.setHeader('set-cookie', cookie);
    return view;
  }

  function maySee(request: IncomingMessage): boolean {
    try {
      signIn.require(request, ['read'], 'the stream');
      return true;
    } catch {
      return false;
    }
  }

  const server: Server = (options.createServer ?? createServer)(
    { maxHeaderSize: 16 * 1024, requestTimeout: 30_000 },
    (request, response) => {
      handle(request, response).catch((error: unknown) => {
        const { status, body, unforeseen } = errorAnswer(error);
        if (unforeseen) options.onError(error, request.url ?? '');
        if (response.headersSent) response.destroy();
        else sendJson(response, request.method ?? 'GET', status, body);
      });
    },
  );
  return {
    listen: (port, host) =>
      new Promise((resolve, reject) => {
        server.once('error', reject);
        server.listen(port, host, () => {
          server.removeListener('error', reject);
          resolve((server.address() as AddressInfo).port);
        });
      }),
    stop: (signal) =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        options.streams.stop();
        server.closeIdleConnections();
        const cut = (): void => {
          server.closeAllConnections();
        };
        if (signal?.aborted === true) cut();
        else signal?.addEventListener('abort', cut, { once: true });
      }),
  };
}

/** A service that does not let the console in is no fault of who asked the console: signing in again would not help. */
function asOwnFault(error: unknown): never {
  const code = error instanceof RookeryError ? error.code : '';
  if (code === 'RK_UNAUTHENTICATED' || code === 'RK_PERMISSION_DENIED') {
    throw new RetryableError('RK_UNAVAILABLE', `A service refuses the console: ${(error as Error).message}`, {
      hint: 'Give the console a token with the roles read, publish and delegate: ROOKERY_TOKEN_FILE.',
      cause: error,
    });
  }
  throw error;
}

/** The target of a request as a URL. `//` begins a host for a URL, and a path for HTTP; anything may stand there. */
function urlOf(target: string): URL {
  const text = target.startsWith('/') ? `http://console${target}` : target;
  if (URL.canParse(text)) return new URL(text);
  throw new TerminalError(
    'RK_REQUEST_INVALID',
    `The path is none of a URL: ${JSON.stringify(target.slice(0, 100))}`,
  );
}

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  requireSameOrigin(request.headers);
  return readJsonBody(request);
}

function sendJson(response: ServerResponse, method: string, status: number, body: unknown): void {
  const bytes = Buffer.from(JSON.stringify(body));
  response.writeHead(status, {
    ...securityHeaders,
    'content-type': 'application/json; charset=utf-8',
    'content-length': bytes.length,
    'cache-control': 'no-store',
  });
  response.end(method === 'HEAD' ? undefined : bytes);
}

function sendFile(request: IncomingMessage, response: ServerResponse, file: StaticFile): void {
  const headers = { ...securityHeaders, etag: file.etag, 'cache-control': 'no-cache' };
  if (request.headers['if-none-match'] === file.etag) {
    response.writeHead(304, headers).end();
    return;
  }
  response.writeHead(200, { ...headers, 'content-type': file.type, 'content-length': file.bytes.length });
  response.end(request.method === 'HEAD' ? undefined : file.bytes);
}
