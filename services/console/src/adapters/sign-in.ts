import type { IncomingMessage } from 'node:http';
import { proofOf } from '@rookery/service-kit';
import type { Authoriser, Identity, Role } from '@rookery/service-kit';
import { TerminalError } from '@rookery/contracts';

/** Whether and as whom a browser or program is known. */
export interface SessionView {
  /** False: nobody is asked to sign in. */
  readonly required: boolean;
  readonly name: string | null;
  readonly roles: readonly Role[];
}

/** Who may see and do what in the console. */
export interface SignIn {
  /**
   * Who the request comes from; undefined where nobody is asked. Throws RK_UNAUTHENTICATED or RK_PERMISSION_DENIED unless it is somebody
   * with one of the roles. Nothing but the cookie, the bearer token or the certificate is looked at.
   */
  require(request: IncomingMessage, access: readonly Role[], action: string): Identity | undefined;
  /** Never throws: nobody known is an answer too. */
  session(request: IncomingMessage): SessionView;
  /** Checks the token of a sign-in, and gives the cookie for it. Throws RK_UNAUTHENTICATED, or what is wrong with the body. */
  begin(body: unknown): { readonly cookie: string; readonly view: SessionView };
  /** The cookie that ends a session. */
  readonly end: string;
}

const lifeSeconds = 12 * 60 * 60;

/**
 * Sign-in with a token. The cookie carries the token itself, out of reach of scripts and of other sites, and is checked at
 * every request: a token that is revoked or has expired ends its sessions at once, and the console keeps nothing.
 */
export function createSignIn(authoriser: Authoriser | undefined, encrypted: boolean): SignIn {
  // With __Host- a browser takes it from this very host over TLS only.
  const cookieName = encrypted ? '__Host-rookery' : 'rookery';
  const attributes = `Path=/; HttpOnly; SameSite=Strict${encrypted ? '; Secure' : ''}`;
  const identify = (request: IncomingMessage): Identity | undefined => {
    const proof = proofOf(request);
    return authoriser?.identify({ ...proof, token: proof.token ?? cookieOf(request, cookieName) });
  };
  const viewOf = (identity: Identity | undefined): SessionView => ({
    required: authoriser !== undefined,
    name: identity?.name ?? null,
    roles: identity?.roles ?? [],
  });
  return {
    require(request, access, action) {
      const identity = identify(request);
      if (identity !== undefined) authoriser?.require(identity, access, action);
      return identity;
    },
    session(request) {
      try {
        return viewOf(identify(request));
      } catch {
        return viewOf(undefined);
      }
    },
    begin(body) {
      const token: unknown = (body as { token?: unknown } | null | undefined)?.token;
      if (typeof token !== 'string' || !/^[\w.~+/-]{1,512}=*$/.test(token)) {
        throw new TerminalError('RK_REQUEST_INVALID', 'The sign-in holds no token', {
          hint: 'Send {"token": "rk_…"}; rookery tokens create makes one.',
        });
      }
      const view = viewOf(authoriser?.identify({ token }));
      return { cookie: `${cookieName}=${token}; Max-Age=${lifeSeconds}; ${attributes}`, view };
    },
    end: `${cookieName}=; Max-Age=0; ${attributes}`,
  };
}

/**
 * Whether the console's own token lets it speak for who signs in; true where nobody does, or where it shows no token. Without the role
 * every turn on its pages would be refused.
 */
export function maySpeakForOthers(authoriser: Authoriser | undefined, token: string | undefined): boolean {
  if (authoriser === undefined || token === undefined) return true;
  try {
    return authoriser.identify({ token }).roles.includes('delegate');
  } catch {
    return false;
  }
}

function cookieOf(request: IncomingMessage, name: string): string | undefined {
  for (const part of (request.headers.cookie ?? '').split(';')) {
    const [key, ...value] = part.trim().split('=');
    if (key === name && value.length > 0) return value.join('=');
  }
  return undefined;
}
