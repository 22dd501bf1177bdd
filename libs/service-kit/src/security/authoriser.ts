import { timingSafeEqual } from 'node:crypto';
import { TerminalError } from '@rookery/contracts';
import { accessOf } from './roles.js';
import type { Access, Role } from './roles.js';
import { digestOfToken, parseTokenFile } from './tokens.js';
import type { TokenFile } from './tokens.js';
import { WatchedFile } from './watched-file.js';
import type { WatchedFileOptions } from './watched-file.js';

/** Who calls. */
export interface Identity {
  /** Name of the token or certificate. */
  readonly name: string;
  readonly roles: readonly Role[];
  /** Who made the call for it: the console. Absent where it called itself. */
  readonly via?: string;
}

/** What a caller shows of itself. */
export interface Proof {
  /** A bearer token. */
  readonly token?: string | undefined;
  /** Common name of a client certificate that TLS has verified. */
  readonly commonName?: string | undefined;
}

/** Decides who may do what; the same for gRPC and HTTP. */
export interface Authoriser {
  /** Who shows this; throws RK_UNAUTHENTICATED where it is nobody known. */
  identify(proof: Proof): Identity;
  /** Throws RK_PERMISSION_DENIED unless `identity` has one of the roles of `access`. */
  require(identity: Identity, access: readonly Role[], action: string): void;
  /**
   * Both, for a gRPC method; undefined where anybody may call it. A method without a row is refused. A call `onBehalfOf` somebody is
   * theirs: its caller needs the role `delegate`, and both need the role of the method.
   */
  authorise(path: string, proof: Proof, onBehalfOf?: string): Identity | undefined;
}

/** Options of {@link createAuthoriser}. */
export interface AuthoriserOptions extends WatchedFileOptions {
  /** ROOKERY_TOKENS_FILE; undefined: a verified client certificate alone may do everything. */
  readonly tokensFile: string | undefined;
  /** Milliseconds since the epoch, for expiry. Default `Date.now`. */
  readonly clock?: () => number;
}

/**
 * An authoriser over a file of tokens, which is read again when it changes. Throws where the file can't be read or
 * understood.
 */
export function createAuthoriser(options: AuthoriserOptions): Authoriser {
  const { tokensFile, clock = Date.now } = options;
  const file =
    tokensFile === undefined ? undefined : new WatchedFile<TokenFile>(tokensFile, parseTokenFile, options);

  const identify: Authoriser['identify'] = ({ token, commonName }) => {
    if (token !== undefined) return identityOfToken(file?.get(), token, clock());
    if (commonName !== undefined) {
      if (file === undefined) return { name: commonName, roles: rolesByCertificate(commonName) };
      const known = file.get().certificates.find((entry) => entry.commonName === commonName);
      if (known) return known;
    }
    throw unauthenticated('The call has no token');
  };
  const require: Authoriser['require'] = (identity, access, action) => {
    if (identity.roles.some((role) => role === 'admin' || access.includes(role))) return;
    throw new TerminalError(
      'RK_PERMISSION_DENIED',
      `${identity.name} may not call ${action}: it needs the role ${access.join(' or ')}, and has ${identity.roles.join(', ')}`,
      {
        hint: 'Use a token with that role; docs/security.md lists which call needs which.',
        details: { name: identity.name, needs: access.join(' ') },
      },
    );
  };
  return {
    identify,
    require,
    authorise(path, proof, onBehalfOf) {
      const access: Access | undefined = accessOf(path);
      if (access === 'open') return undefined;
      const identity = identify(proof);
      if (access === undefined) {
        throw new TerminalError(
          'RK_PERMISSION_DENIED',
          `Nobody may call ${path}: it is in no table of roles`,
        );
      }
      require(identity, access, path);
      if (onBehalfOf === undefined) return identity;
      const named = delegated(identity, onBehalfOf, file?.get(), clock());
      require(named, access, path);
      return named;
    },
  };
}

/** Without a file of tokens a verified certificate may call everything, and that of the console speak for others. */
function rolesByCertificate(commonName: string): readonly Role[] {
  return commonName === 'console' ? ['admin', 'delegate'] : ['admin'];
}

/** Whom a caller speaks for. Throws RK_PERMISSION_DENIED where it may not, or where there is nobody of the name any more. */
function delegated(caller: Identity, name: string, file: TokenFile | undefined, now: number): Identity {
  if (!caller.roles.includes('delegate')) {
    throw new TerminalError(
      'RK_PERMISSION_DENIED',
      `${caller.name} may not speak for others: it needs the role delegate, and has ${caller.roles.join(', ')}`,
      {
        hint: 'Give the role delegate to the token or certificate of the console, and to nobody else.',
        details: { name: caller.name, needs: 'delegate' },
      },
    );
  }
  if (file === undefined) return { name, roles: ['admin'], via: caller.name };
  const entries = [...file.tokens, ...file.certificates].filter(
    (entry) => entry.name === name && !('expiresAt' in entry && now >= entry.expiresAt),
  );
  if (entries.length === 0) {
    throw new TerminalError(
      'RK_PERMISSION_DENIED',
      `${caller.name} speaks for somebody whom no valid token or certificate names`,
      {
        hint: 'Use one file of tokens for the console and the services.',
        details: { name: name.slice(0, 64) },
      },
    );
  }
  return { name, roles: [...new Set(entries.flatMap((entry) => entry.roles))], via: caller.name };
}

/** The token of an `Authorization: Bearer …` header; undefined where there is none. Throws where it is something else. */
export function bearerTokenOf(header: string | undefined): string | undefined {
  if (header === undefined || header === '') return undefined;
  const token = /^Bearer +([\w.~+/-]+=*)$/i.exec(header)?.[1];
  if (token === undefined) throw unauthenticated('The authorization is no bearer token');
  return token;
}

/** Looks at every token and takes as long for each: the time of an answer must not tell how much of a guess was right. */
function identityOfToken(file: TokenFile | undefined, token: string, now: number): Identity {
  const digest = digestOfToken(token);
  let found: (TokenFile['tokens'][number] & Identity) | undefined;
  for (const record of file?.tokens ?? [])
    if (timingSafeEqual(digest, Buffer.from(record.sha256, 'hex'))) found = record;
  if (found === undefined) throw unauthenticated('The token is not known');
  if (found.expiresAt !== undefined && now >= found.expiresAt)
    throw unauthenticated(`The token of ${found.name} has expired`);
  return found;
}

function unauthenticated(what: string): TerminalError {
  return new TerminalError('RK_UNAUTHENTICATED', what, {
    hint: 'Send authorization: Bearer <token> (ROOKERY_TOKEN for the CLI); rookery tokens create makes one.',
  });
}
