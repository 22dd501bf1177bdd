import type { IncomingMessage } from 'node:http';

import { RetryableError, TerminalError } from '@rookery/contracts';

import type { OpenedSource } from '../application/ports.js';
import { shortUri } from '../application/read-source.js';
import { checkAddresses, checkHostName } from '../domain/fetch-policy.js';
import type { FetchPolicy } from '../domain/fetch-policy.js';
import type { AddressKind } from '../domain/network-address.js';
import { decoderOf } from './content-encoding.js';
import { getFrom, hostOf, resolveHost, systemResolver } from './http-request.js';
import type { Resolver } from './http-request.js';

/** Bounds of one download, times in milliseconds; a source that is slower is tried again, then refused. */
export interface HttpLimits {
  /** Until the answer begins, for each redirect anew, and between two pieces of the body. */
  readonly idleMs: number;
  /** For everything. */
  readonly totalMs: number;
  readonly redirects: number;
  /** How many times its packed size a body may unpack to. */
  readonly maxUnpackRatio: number;
}

/** How http(s) sources are opened. */
export interface HttpOptions {
  readonly limits: HttpLimits;
  readonly policy: FetchPolicy;
  /** Default: the system's. */
  readonly resolve?: Resolver;
}

/**
 * Opens `http://…` or `https://…`, following redirects to the same kinds only. Each hop's host must be allowed by the
 * policy, by its name and by every address that it has, and the connection goes to an address that was checked.
 * Throws RK_DATASET_NOT_FOUND (404, 410), RK_DATASET_URI_FORBIDDEN (401, 403, a place that is not allowed),
 * RK_DATASET_UNREACHABLE: retryable for timeouts, lost connections, 408, 429 (after Retry-After) and 5xx, terminal for
 * any other answer.
 */
export async function openHttp(
  uri: string,
  signal: AbortSignal,
  options: HttpOptions,
): Promise<OpenedSource> {
  const { limits } = options;
  const stop = new AbortController();
  const total = setTimeout(
    () => stop.abort(new Error(`took longer than ${limits.totalMs} ms`)),
    limits.totalMs,
  );
  const all = AbortSignal.any([signal, stop.signal]);
  try {
    const response = await follow(uri, all, options);
    const length = Number(response.headers['content-length'] ?? NaN);
    const encoding = response.headers['content-encoding'] ?? '';
    const decode = decoderOf(encoding, limits.maxUnpackRatio);
    return {
      bytes: Number.isSafeInteger(length) && encoding === '' ? length : undefined,
      chunks: body(uri, decode, { response, stop, all, total, idleMs: limits.idleMs }),
    };
  } catch (error) {
    clearTimeout(total);
    stop.abort();
    throw error;
  }
}

async function follow(
  uri: string,
  signal: AbortSignal,
  { limits, policy, resolve = systemResolver }: HttpOptions,
): Promise<IncomingMessage> {
  let url = parse(uri);
  let from: AddressKind | undefined;
  for (let hop = 0; hop <= limits.redirects; hop++) {
    checkHostName(hostOf(url), policy);
    const late = new AbortController();
    const timer = setTimeout(
      () => late.abort(new Error(`no answer within ${limits.idleMs} ms`)),
      limits.idleMs,
    );
    let response: IncomingMessage;
    try {
      const either = AbortSignal.any([signal, late.signal]);
      const addresses = await orAborted(resolveHost(url, resolve), either);
      from = checkAddresses(
        hostOf(url),
        addresses.map(({ address }) => address),
        policy,
        from,
      );
      // Aborted by `late` only while there is no answer: its body has limits of its own.
      response = await getFrom(url, addresses, either);
    } catch (error) {
      throw error instanceof TerminalError ? error : unreachable(uri, reasonOf(error), error);
    } finally {
      clearTimeout(timer);
    }
    const { location } = response.headers;
    if (![301, 302, 303, 307, 308].includes(response.statusCode ?? 0) || location === undefined)
      return accept(uri, response);
    response.destroy();
    if (!URL.canParse(location, url.href)) {
      throw new TerminalError('RK_DATASET_URI_INVALID', `${shortUri(uri)} redirects to no valid address`, {
        details: { field: 'uri', uri: shortUri(uri) },
      });
    }
    url = parse(new URL(location, url).href, uri);
  }
  throw new TerminalError(
    'RK_DATASET_UNREACHABLE',
    `${shortUri(uri)} redirects more than ${limits.redirects} times`,
    {
      details: { uri: shortUri(uri) },
      hint: 'Give the final address, or raise ROOKERY_FETCH_REDIRECTS.',
    },
  );
}

/** A name server that does not answer must not hold the download. */
function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason as Error);
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

function accept(uri: string, response: IncomingMessage): IncomingMessage {
  const status = response.statusCode ?? 0;
  if (status === 200) return response;
  response.destroy();
  const shown = shortUri(uri);
  const details = { uri: shown, status: String(status) };
  const message = `${shown} answered ${status} ${(response.statusMessage ?? '').slice(0, 100)}`.trim();
  if (status === 404 || status === 410) throw new TerminalError('RK_DATASET_NOT_FOUND', message, { details });
  if (status === 401 || status === 403) {
    throw new TerminalError('RK_DATASET_URI_FORBIDDEN', message, {
      details,
      hint: 'Give an address that can be read without credentials, or upload the file through the ingest service.',
    });
  }
  if (status === 408 || status === 429 || status >= 500) {
    const seconds = Number(response.headers['retry-after'] ?? NaN);
    throw new RetryableError('RK_DATASET_UNREACHABLE', message, {
      details,
      ...(seconds > 0 && seconds <= 60 ? { afterMs: seconds * 1000 } : {}),
    });
  }
  throw new TerminalError('RK_DATASET_UNREACHABLE', message, { details, hint: 'Check the address.' });
}

interface Download {
  readonly response: IncomingMessage;
  readonly stop: AbortController;
  readonly all: AbortSignal;
  readonly total: NodeJS.Timeout;
  readonly idleMs: number;
}

async function* body(
  uri: string,
  decode: ReturnType<typeof decoderOf>,
  { response, stop, all, total, idleMs }: Download,
): AsyncGenerator<Uint8Array> {
  const idle = setTimeout(() => stop.abort(new Error(`no data for ${idleMs} ms`)), idleMs);
  // Watched where it arrives: a decoder may take many pieces before it gives one.
  const arriving = async function* (): AsyncGenerator<Uint8Array> {
    for await (const chunk of response as AsyncIterable<Uint8Array>) {
      idle.refresh();
      yield chunk;
    }
    if (!response.complete) throw new Error('the connection ended before the file did');
  };
  const cut = (): void => void response.destroy(all.reason as Error);
  if (all.aborted) cut();
  else all.addEventListener('abort', cut, { once: true });
  try {
    for await (const chunk of decode(arriving())) yield chunk;
  } catch (error) {
    throw error instanceof TerminalError ? error : unreachable(uri, reasonOf(all.reason ?? error), error);
  } finally {
    clearTimeout(idle);
    clearTimeout(total);
    all.removeEventListener('abort', cut);
    // Ends a download that the reader gave up; does nothing to one that is complete.
    response.destroy();
  }
}

function parse(address: string, from = address): URL {
  const url = URL.canParse(address) ? new URL(address) : undefined;
  const details = { field: 'uri', uri: shortUri(from) };
  if (url !== undefined && (url.protocol === 'http:' || url.protocol === 'https:')) {
    if (url.username === '' && url.password === '') return url;
    throw new TerminalError('RK_DATASET_URI_FORBIDDEN', `${shortUri(from)} holds credentials`, {
      details,
      hint: 'Events are kept and shown: give an address that needs none, or upload the file through the ingest service.',
    });
  }
  if (url === undefined)
    throw new TerminalError('RK_DATASET_URI_INVALID', `${shortUri(from)} is no valid address`, { details });
  throw new TerminalError(
    'RK_DATASET_URI_FORBIDDEN',
    `${shortUri(from)} redirects to a ${url.protocol} address`,
    { details },
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
