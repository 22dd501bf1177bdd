import { readFileSync } from 'node:fs';
import {
  credsAuthenticator,
  nkeyAuthenticator,
  tokenAuthenticator,
  usernamePasswordAuthenticator,
} from '@nats-io/transport-node';
import type { Authenticator, TlsOptions } from '@nats-io/transport-node';
import { TerminalError } from '@rookery/contracts';

/** How a service proves to the broker who it is, and whom it trusts. All of it may be left out. */
export interface BusLogin {
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  readonly token?: string | undefined;
  /** File with an nkey seed (`SU…`). Read at every connection, so that it can be replaced. */
  readonly nkeyFile?: string | undefined;
  /** File with a user's JWT and seed (`.creds`). Read at every connection. */
  readonly credsFile?: string | undefined;
  /** Authorities that may sign for the broker, a PEM file. Given: a broker without TLS is refused. */
  readonly caFile?: string | undefined;
  /** Client certificate and key, PEM files. Read at every connection. */
  readonly certFile?: string | undefined;
  readonly keyFile?: string | undefined;
}

/** The login that the ROOKERY_NATS_* variables describe. */
export function loginFromEnvironment(env: Readonly<Record<string, string | undefined>>): BusLogin {
  return {
    user: env['ROOKERY_NATS_USER'] || undefined,
    password: env['ROOKERY_NATS_PASSWORD'] || undefined,
    token: env['ROOKERY_NATS_TOKEN'] || undefined,
    nkeyFile: env['ROOKERY_NATS_NKEY'] || undefined,
    credsFile: env['ROOKERY_NATS_CREDS'] || undefined,
    caFile: env['ROOKERY_NATS_TLS_CA'] || undefined,
    certFile: env['ROOKERY_NATS_TLS_CERT'] || undefined,
    keyFile: env['ROOKERY_NATS_TLS_KEY'] || undefined,
  };
}

/** What the client is told to connect with. */
export interface ConnectionSettings {
  /** Without user information: the client would take it for a part of the host name. */
  readonly servers: string[];
  readonly authenticator?: Authenticator[];
  readonly tls?: TlsOptions;
}

/**
 * Server list, authenticators and TLS of a URL and a login. User information in the URL counts where the login has none
 * (`nats://user:password@host`, `nats://token@host`). Throws RK_CONFIG_INVALID, naming the file, where one can't be used;
 * later, a file that can't be read for a moment leaves the last good content in force.
 */
export function connectionSettings(url: string, login: BusLogin = {}): ConnectionSettings {
  let { user, password, token } = login;
  let encrypted = [login.caFile, login.certFile, login.keyFile].some((file) => file !== undefined);
  const servers = url.split(',').map((part) => {
    const [, scheme = '', information, rest = ''] =
      /^([a-z+]+:\/\/)?(?:([^@/]*)@)?(.*)$/i.exec(part.trim()) ?? [];
    if (scheme.toLowerCase() === 'tls://') encrypted = true;
    if (information !== undefined && user === undefined && token === undefined) {
      const [name = '', ...secret] = information.split(':').map((text) => decodeURIComponent(text));
      if (secret.length === 0) token = name;
      else [user, password] = [name, secret.join(':')];
    }
    return `${scheme}${rest}`;
  });
  const authenticator: Authenticator[] = [];
  if (login.nkeyFile !== undefined) {
    const seed = lastGood('ROOKERY_NATS_NKEY', login.nkeyFile, trimmedSeed);
    authenticator.push(nkeyAuthenticator(seed));
  }
  if (login.credsFile !== undefined) {
    const creds = lastGood('ROOKERY_NATS_CREDS', login.credsFile, (bytes) => {
      credsAuthenticator(bytes)('check');
      return bytes;
    });
    authenticator.push(credsAuthenticator(creds));
  }
  if (token !== undefined) authenticator.push(tokenAuthenticator(token));
  if (user !== undefined) authenticator.push(usernamePasswordAuthenticator(user, password ?? ''));
  const { caFile, certFile, keyFile } = login;
  return {
    servers,
    ...(authenticator.length === 0 ? {} : { authenticator }),
    ...(encrypted
      ? {
          tls: {
            ...(caFile === undefined ? {} : { caFile }),
            ...(certFile === undefined ? {} : { certFile }),
            ...(keyFile === undefined ? {} : { keyFile }),
          },
        }
      : {}),
  };
}

/** The seed in a file that may have a comment or an empty line around it; checked by making its key pair. */
function trimmedSeed(bytes: Uint8Array): Uint8Array {
  const line = new TextDecoder().decode(bytes).match(/\bSU[A-Z2-7]{56}\b/)?.[0];
  if (line === undefined) throw new Error('it holds no seed of a user (SU…)');
  const seed = new TextEncoder().encode(line);
  nkeyAuthenticator(seed)('check');
  return seed;
}

/**
 * Reads a file now, and again whenever it is asked for. The client closes for good where an authenticator throws, so what
 * can't be read or used any more is answered with what was good last.
 */
function lastGood(
  variable: string,
  file: string,
  check: (bytes: Uint8Array) => Uint8Array,
): () => Uint8Array {
  let good: Uint8Array;
  try {
    good = check(readFileSync(file));
  } catch (error) {
    throw new TerminalError(
      'RK_CONFIG_INVALID',
      `${variable} names ${file}, which can't be used: ${error instanceof Error ? error.message : String(error)}`,
      { cause: error },
    );
  }
  return () => {
    try {
      good = check(readFileSync(file));
    } catch {
      // Being replaced: the next connection looks again.
    }
    return good;
  };
}
