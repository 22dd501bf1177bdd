import * as grpc from '@grpc/grpc-js';
import { TerminalError } from '@rookery/contracts';
import { channelCredentialsOf } from './grpc-credentials.js';
import { isLoopbackHost } from './loopback.js';
import { TlsFiles } from './tls-files.js';
import { WatchedFile } from './watched-file.js';

/** How a program shows itself to the services it calls, and which of them it trusts. */
export interface Peers {
  /** The same object for every client, so that they share their connections. */
  readonly credentials: grpc.ChannelCredentials;
  /** Whether calls are encrypted. */
  readonly encrypted: boolean;
  /** Certificates, for clients of HTTP. */
  readonly files: TlsFiles | undefined;
  /** The token to show now; undefined where there is none. */
  token(): string | undefined;
  /** Throws RK_CONFIG_INVALID where a token would go in the clear to another machine. */
  check(address: string): void;
}

/**
 * What ROOKERY_TLS_CA, _CERT and _KEY, ROOKERY_TOKEN and ROOKERY_TOKEN_FILE say; plain text and no token where none is set.
 * Throws RK_CONFIG_INVALID, naming the variable, where a file can't be used.
 */
export function peersFromEnvironment(
  env: Readonly<Record<string, string | undefined>>,
  onChange?: (message: string, error?: Error) => void,
): Peers {
  const cert = env['ROOKERY_TLS_CERT'] || undefined;
  const key = env['ROOKERY_TLS_KEY'] || undefined;
  const ca = env['ROOKERY_TLS_CA'] || (cert === undefined ? undefined : 'system');
  const files =
    ca === undefined
      ? undefined
      : usable('ROOKERY_TLS_CA, _CERT, _KEY', () => new TlsFiles({ cert, key, ca }, onChange));
  const tokenFile = env['ROOKERY_TOKEN_FILE'] || undefined;
  const watched =
    tokenFile === undefined
      ? undefined
      : usable(
          'ROOKERY_TOKEN_FILE',
          () =>
            new WatchedFile(tokenFile, tokenOf, {
              onRefused: (error) => onChange?.('the token file cannot be used', error),
            }),
        );
  const fixed = env['ROOKERY_TOKEN'] || undefined;
  const token = (): string | undefined => watched?.get() ?? fixed;
  const allowed = ['true', '1'].includes(env['ROOKERY_ALLOW_INSECURE_NETWORK'] ?? '');
  return {
    credentials: files === undefined ? grpc.credentials.createInsecure() : channelCredentialsOf(files),
    encrypted: files !== undefined,
    files,
    token,
    check(address) {
      const host = address.replace(/:\d+$/, '');
      if (files !== undefined || allowed || isLoopbackHost(host) || token() === undefined) return;
      throw new TerminalError('RK_CONFIG_INVALID', `A token would be sent to ${address} in the clear`, {
        hint: 'Set ROOKERY_TLS_CA, so that calls are encrypted.',
      });
    },
  };
}

/** Client interceptor: each call carries the token of now. */
export function tokenInterceptor(token: () => string | undefined): grpc.Interceptor {
  return (options, nextCall) =>
    new grpc.InterceptingCall(nextCall(options), {
      start(metadata, listener, next) {
        const now = token();
        if (now !== undefined) metadata.set('authorization', `Bearer ${now}`);
        next(metadata, listener);
      },
    });
}

function tokenOf(text: string): string {
  const token = text.trim();
  if (!/^\S{16,}$/.test(token)) throw new Error('it holds no token');
  return token;
}

function usable<T>(variable: string, open: () => T): T {
  try {
    return open();
  } catch (error) {
    throw new TerminalError(
      'RK_CONFIG_INVALID',
      `${variable} can't be used: ${error instanceof Error ? error.message : String(error)}`,
      { cause: error },
    );
  }
}
