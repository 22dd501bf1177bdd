import type { IncomingMessage } from 'node:http';
import { TLSSocket } from 'node:tls';
import { bearerTokenOf } from './authoriser.js';
import type { Proof } from './authoriser.js';

/**
 * What an HTTP request shows of its caller: its bearer token, and the client certificate where TLS has verified one.
 * Throws RK_UNAUTHENTICATED where the Authorization header is something else.
 */
export function proofOf(request: Pick<IncomingMessage, 'headers' | 'socket'>): Proof {
  return {
    token: bearerTokenOf(request.headers.authorization),
    commonName: commonNameOf(request.socket),
  };
}

function commonNameOf(socket: unknown): string | undefined {
  if (!(socket instanceof TLSSocket) || !socket.authorized) return undefined;
  // An empty object where the client has shown none.
  const name: unknown = socket.getPeerCertificate()?.subject?.CN;
  return typeof name === 'string' ? name : undefined;
}
