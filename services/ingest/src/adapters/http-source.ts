import { lookup } from 'node:dns/promises';
import { BlockList, isIP } from 'node:net';

import { RetryableError, TerminalError } from '@rookery/contracts';

import type { OpenedSource } from '../application/ports.js';
import { shortUri } from '../application/read-source.js';

/** Bounds of one download, in milliseconds; a source that is slower is tried again, then refused. */
export interface HttpLimits {
  /** Until the answer begins, for each redirect anew. */
  readonly headersMs: number;
  /** Between two pieces of the body. */
  readonly idleMs: number;
  /** For everything. */
  readonly totalMs: number;
  readonly redirects: number;
}

/** Default bounds. */
export const httpLimits: HttpLimits = { headersMs: 15_000, idleMs: 30_000, totalMs: 600_000, redirects: 5 };

// Link-local addresses hold the metadata services of clouds: nothing there is a data set.
const linkLocal = new BlockList();
linkLocal.addSubnet('169.254.0.0', 16, 'ipv4');
linkLocal.addSubnet('fe80::', 10, 'ipv6');

/**
 * Opens `http://…` or `https://…`, following redirects to the same kinds only. Throws RK_DATASET_NOT_FOUND (404, 410),
 * RK_DATASET_URI_FORBIDDEN (401, 403, link-local hosts, a redirect elsewhere), RK_DATASET_UNREACHABLE: retryable for
 * timeouts, lost connections, 408, 429 (after Retry-After) and 5xx, terminal for any other answer.
 */
export async function openHttp(
  uri: string,
  signal: AbortSignal,
  limits: HttpLimits = httpLimits,
): Promise<OpenedSource> {
  const stop = new AbortController();
  const total = setTimeout(
    () => stop.abort(new Error(`took longer than ${limits.totalMs} ms`)),
    limits.totalMs,
  );
  const all = AbortSignal.any([signal, stop.signal]);
  try {
    const response = await follow(uri, all, stop, limits);
    const length = Number(response.headers.get('content-length') ?? NaN);
    const encoded = response.headers.has('content-encoding');
    return {
      bytes: Number.isSafeInteger(length) && !encoded ? length : undefined,
      chunks: body(uri, response, stop, total, limits),
    };
  } catch (error) {
    clearTimeout(total);
    throw error;
  }
}

async function follow(
  uri: string,
  signal: AbortSignal,
  stop: AbortController,
  limits: HttpLimits,
): Promise<Response> {
  let url = parse(uri);
  for (let hop = 0; hop <= limits.redirects; hop++) {
    await checkHost(url);
    const timer = setTimeout(
      () => stop.abort(new Error(`no answer within ${limits.headersMs} ms`)),
      limits.headersMs,
    );
    let response: Response;
    try {
      response = await fetch(url, {
        redirect: 'manual',
        signal,
        headers: { 'user-agent': 'rookery-ingest' },
      });
    } catch (error) {
      throw unreachable(uri, reasonOf(error), error);
    } finally {
      clearTimeout(timer);
    }
    const location = response.headers.get('location');
    if (![301, 302, 303, 307, 308].includes(response.status) || location === null)
      return accept(uri, response);
    await response.body?.cancel();
    url = parse(new URL(location, url).href, uri);
  }
  throw new TerminalError(
    'RK_DATASET_UNREACHABLE',
    `${shortUri(uri)} redirects more than ${limits.redirects} times`,
    {
      details: { uri: shortUri(uri) },
      hint: 'Give the final address.',
    },
  );
}

async function accept(uri: string, response: Response): Promise<Response> {
  if (response.status === 200) return response;
  await response.body?.cancel();
  const shown = shortUri(uri);
  const details = { uri: shown, status: String(response.status) };
  const message = `${shown} answered ${response.status} ${response.statusText}`.trim();
  if (response.status === 404 || response.status === 410)
    throw new TerminalError('RK_DATASET_NOT_FOUND', message, { details });
  if (response.status === 401 || response.status === 403) {
    throw new TerminalError('RK_DATASET_URI_FORBIDDEN', message, {
      details,
      hint: 'Give an address that can be read without credentials, or upload the file through the ingest service.',
    });
  }
  if (response.status === 408 || response.status === 429 || response.status >= 500) {
    const seconds = Number(response.headers.get('retry-after') ?? NaN);
    throw new RetryableError('RK_DATASET_UNREACHABLE', message, {
      details,
      ...(seconds > 0 && seconds <= 60 ? { afterMs: seconds * 1000 } : {}),
    });
  }
  throw new TerminalError('RK_DATASET_UNREACHABLE', message, { details, hint: 'Check the address.' });
}

async function* body(
  uri: string,
  response: Response,
  stop: AbortController,
  total: NodeJS.Timeout,
  limits: HttpLimits,
): AsyncGenerator<Uint8Array> {
  const idle = setTimeout(() => stop.abort(new Error(`no data for ${limits.idleMs} ms`)), limits.idleMs);
  try {
    if (response.body === null) return;
    for await (const chunk of response.body) {
      idle.refresh();
      yield chunk;
    }
  } catch (error) {
    throw unreachable(uri, reasonOf(error), error);
  } finally {
    clearTimeout(idle);
    clearTimeout(total);
    // Ends a download that the reader gave up; does nothing to one that is complete.
    stop.abort();
  }
}

function parse(address: string, from = address): URL {
  const url = URL.canParse(address) ? new URL(address) : undefined;
  if (url !== undefined && (url.protocol === 'http:' || url.protocol === 'https:')) return url;
  const details = { field: 'uri', uri: shortUri(from) };
  if (url === undefined)
    throw new TerminalError('RK_DATASET_URI_INVALID', `${shortUri(from)} is no valid address`, { details });
  throw new TerminalError(
    'RK_DATASET_URI_FORBIDDEN',
    `${shortUri(from)} redirects to a ${url.protocol} address`,
    { details },
  );
}

async function checkHost(url: URL): Promise<void> {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const addresses =
    isIP(host) > 0
      ? [{ address: host, family: isIP(host) }]
      : await lookup(host, { all: true }).catch((error: unknown) => {
          throw unreachable(url.href, `the name ${host} can not be resolved`, error);
        });
  if (!addresses.some(({ address, family }) => linkLocal.check(address, family === 6 ? 'ipv6' : 'ipv4')))
    return;
  throw new TerminalError(
    'RK_DATASET_URI_FORBIDDEN',
    `${host} is a link-local address: no data set is read from there`,
    {
      details: { host },
    },
  );
}

function unreachable(uri: string, reason: string, cause: unknown): RetryableError {
  return new RetryableError('RK_DATASET_UNREACHABLE', `${shortUri(uri)} can not be read: ${reason}`, {
    details: { uri: shortUri(uri), reason },
    cause,
  });
}

function reasonOf(error: unknown): string {
  const inner = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  return inner instanceof Error ? inner.message || String((inner as { code?: unknown }).code) : String(inner);
}
