import { lookup } from 'node:dns/promises';
import { request as httpRequest } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { isIP } from 'node:net';
import type { LookupFunction } from 'node:net';

/** An address as the resolver gives it. */
export interface ResolvedAddress {
  readonly address: string;
  readonly family: number;
}

/** Gives all addresses of a host name. */
export type Resolver = (host: string) => Promise<readonly ResolvedAddress[]>;

/** The system's resolver. */
export const systemResolver: Resolver = (host) => lookup(host, { all: true, verbatim: true });

/** Host of a URL as a name or an address without brackets. */
export function hostOf(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, '');
}

/** All addresses of the URL's host; the host itself where it is one. */
export async function resolveHost(url: URL, resolve: Resolver): Promise<readonly ResolvedAddress[]> {
  const host = hostOf(url);
  const family = isIP(host);
  return family > 0 ? [{ address: host, family }] : resolve(host);
}

/**
 * One GET, with no redirect followed, on a connection of its own to one of `addresses`: the name is not resolved
 * again, so that the address that was checked is the one that is asked. Resolves when the answer begins. The certificate of
 * an https server must be that of the name.
 */
export function getFrom(
  url: URL,
  addresses: readonly ResolvedAddress[],
  signal: AbortSignal,
): Promise<IncomingMessage> {
  const pinned: LookupFunction = (_host, options, callback) => {
    if (options.all === true) callback(null, [...addresses]);
    else callback(null, addresses[0]!.address, addresses[0]!.family);
  };
  return new Promise((resolve, reject) => {
    const send = url.protocol === 'https:' ? httpsRequest : httpRequest;
    const request = send(
      {
        protocol: url.protocol,
        hostname: hostOf(url),
        port: url.port,
        path: `${url.pathname}${url.search}`,
        method: 'GET',
        agent: false,
        lookup: pinned,
        signal,
        maxHeaderSize: 32 * 1024,
        headers: {
          'user-agent': 'rookery-ingest',
          accept: '*/*',
          'accept-encoding': 'gzip, deflate, br, identity;q=0.5',
          connection: 'close',
        },
      },
      resolve,
    );
    request.once('error', reject);
    request.end();
  });
}
