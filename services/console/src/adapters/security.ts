import { TerminalError } from '@rookery/contracts';
import type { IncomingHttpHeaders } from 'node:http';

/** Headers of every answer: nothing from elsewhere is loaded, and nobody may frame the console. */
export const securityHeaders: Readonly<Record<string, string>> = {
  'content-security-policy':
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=()',
};

/**
 * Refuses a request whose Host header names neither a loopback address nor one of `allowed` (RK_ORIGIN_FORBIDDEN): a
 * page of another site can make its own name point to 127.0.0.1 and would read the answers otherwise.
 */
export function requireKnownHost(host: string | undefined, allowed: readonly string[]): void {
  const name = hostNameOf(host ?? '');
  if (name !== undefined && (isLoopback(name) || allowed.some((known) => hostNameOf(known) === name))) return;
  throw new TerminalError('RK_ORIGIN_FORBIDDEN', `The console is not known as ${JSON.stringify(host ?? '')}`);
}

/**
 * Refuses a write that a page of another site may have made: the browser tells the origin, and it must be this host.
 * A program that is no browser sends neither header and passes.
 */
export function requireSameOrigin(headers: IncomingHttpHeaders): void {
  const { origin, host } = headers;
  const site = headers['sec-fetch-site'];
  const foreign = site !== undefined && site !== 'same-origin' && site !== 'none';
  if (!foreign && (origin === undefined || origin === `http://${host}` || origin === `https://${host}`))
    return;
  throw new TerminalError('RK_ORIGIN_FORBIDDEN', `A page of ${origin ?? 'another site'} may not do this`, {
    hint: 'Use the console itself, or a client that sends no Origin header.',
  });
}

function hostNameOf(host: string): string | undefined {
  if (!/^[\w.-]+(:\d+)?$|^\[[0-9a-fA-F:.]+\](:\d+)?$|^[0-9a-fA-F:]*:[0-9a-fA-F:]*:[0-9a-fA-F:]*$/.test(host))
    return undefined;
  const bracketed = /^\[(.*)\]/.exec(host)?.[1];
  if (bracketed !== undefined) return bracketed.toLowerCase();
  return (host.split(':').length > 2 ? host : (host.split(':')[0] ?? '')).toLowerCase();
}

function isLoopback(name: string): boolean {
  return (
    name === 'localhost' || name.endsWith('.localhost') || name === '::1' || /^127(\.\d{1,3}){3}$/.test(name)
  );
}
