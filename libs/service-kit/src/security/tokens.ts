import { createHash, randomBytes } from 'node:crypto';
import * as z from 'zod/mini';
import { roles } from './roles.js';
import type { Role } from './roles.js';

/** One token as its file keeps it: never the token itself. */
export interface TokenRecord {
  /** Who it was given to: stands in the log and in the history of aliases. */
  readonly name: string;
  /** SHA-256 of the token, 64 lower-case hex digits. */
  readonly sha256: string;
  readonly roles: readonly Role[];
  /** Not valid from then on, milliseconds since the epoch. */
  readonly expiresAt?: number;
}

/** A client certificate that stands for a caller, by the common name of its subject. */
export interface CertificateRecord {
  readonly name: string;
  readonly commonName: string;
  readonly roles: readonly Role[];
}

/** What the file of tokens says. */
export interface TokenFile {
  readonly tokens: readonly TokenRecord[];
  readonly certificates: readonly CertificateRecord[];
}

const name = z.string().check(z.regex(/^[\w.@-]{1,64}$/, 'is 1 to 64 of A-Z, a-z, 0-9, ., _, @ and -'));
const roleList = z.array(z.enum(roles, `is one of ${roles.join(', ')}`)).check(z.minLength(1));
const schema = z.strictObject({
  tokens: z.optional(
    z.array(
      z.strictObject({
        name,
        sha256: z.string().check(z.regex(/^[0-9a-f]{64}$/, 'is 64 lower-case hex digits')),
        roles: roleList,
        expires: z.optional(
          z
            .string()
            .check(z.refine((text: string) => !Number.isNaN(Date.parse(text)), 'is an ISO 8601 time')),
        ),
      }),
    ),
  ),
  certificates: z.optional(
    z.array(z.strictObject({ name, common_name: z.string().check(z.minLength(1)), roles: roleList })),
  ),
});

/**
 * Reads the text of a file of tokens. Throws, naming the field, what is wrong with it. The text of the file is never part
 * of the message: somebody may have put a token there.
 */
export function parseTokenFile(text: string): TokenFile {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new Error('it is not valid JSON');
  }
  const parsed = schema.safeParse(json);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new Error(`${issue?.path.join('.') || 'the file'}: ${issue?.message ?? 'not valid'}`);
  }
  const { tokens = [], certificates = [] } = parsed.data;
  return {
    tokens: tokens.map(({ expires, ...token }) => ({
      ...token,
      ...(expires === undefined ? {} : { expiresAt: Date.parse(expires) }),
    })),
    certificates: certificates.map(({ common_name: commonName, ...entry }) => ({ ...entry, commonName })),
  };
}

/** SHA-256 of a token. A token has 256 random bits, so that a slow hash would add nothing. */
export function digestOfToken(token: string): Buffer {
  return createHash('sha256').update(token, 'utf8').digest();
}

/** A new token, `rk_` and 43 characters: 256 random bits. */
export function newToken(): string {
  return `rk_${randomBytes(32).toString('base64url')}`;
}
