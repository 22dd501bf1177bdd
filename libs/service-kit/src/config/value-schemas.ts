import { isIP } from 'node:net';

import * as z from 'zod/mini';

/*
 * What the environment's strings may be. Each schema takes the text of a variable and gives its typed value; the
 * message of a refusal says what is allowed, because it is printed after "expected".
 */

/** An integer between `minimum` and `maximum`, both included. Digits only: `1e3`, `0x10` and `12.0` are refused. */
export function integer(
  minimum: number,
  maximum: number = Number.MAX_SAFE_INTEGER,
): z.ZodMiniType<number, string> {
  const range = maximum === Number.MAX_SAFE_INTEGER ? `≥ ${minimum}` : `from ${minimum} to ${maximum}`;
  const message = `an integer ${range}`;
  return z.pipe(
    z.string().check(z.regex(/^-?\d{1,15}$/, message)),
    z.pipe(z.transform(Number), z.number().check(z.gte(minimum, message), z.lte(maximum, message))),
  );
}

/** A decimal number between `minimum` and `maximum`, both included. */
export function decimal(minimum: number, maximum: number): z.ZodMiniType<number, string> {
  const message = `a number from ${minimum} to ${maximum}`;
  return z.pipe(
    z.string().check(z.regex(/^-?\d+(\.\d+)?$/, message)),
    z.pipe(z.transform(Number), z.number().check(z.gte(minimum, message), z.lte(maximum, message))),
  );
}

/** A TCP port; 0 lets the system choose a free one. */
export function port(): z.ZodMiniType<number, string> {
  return integer(0, 65_535);
}

/** `true`/`1` or `false`/`0`. */
export function flag(): z.ZodMiniType<boolean, string> {
  return z.pipe(
    z.string().check(z.regex(/^(true|false|1|0)$/, 'true or false')),
    z.transform((text) => text === 'true' || text === '1'),
  );
}

/** One of `values`, exactly. */
export function oneOf<const T extends readonly [string, ...string[]]>(
  ...values: T
): z.ZodMiniType<T[number], string> {
  return z.enum(values, `one of ${values.join(', ')}`);
}

/** A URL, or several with commas, whose schemes are among `schemes` (without the colon). */
export function urls(...schemes: readonly string[]): z.ZodMiniType<string, string> {
  const message = `a URL (or several, with commas) that starts with ${schemes.map((s) => `${s}://`).join(' or ')}`;
  return z.string().check(z.refine((value: string) => isUrlList(value, schemes), message));
}

/** Text that matches `pattern`; `allowed` says in words what that is. */
export function text(pattern: RegExp, allowed: string): z.ZodMiniType<string, string> {
  return z.string().check(z.regex(pattern, allowed));
}

/** Path of a file; whether it is there is seen when it is read. */
export function file(): z.ZodMiniType<string, string> {
  return text(/^[^\0]+$/, 'the path of a file');
}

/** A list of absolute folders, with colons between them; empty text is the empty list. */
export function folders(): z.ZodMiniType<readonly string[], string> {
  return z.pipe(
    z.string().check(z.regex(/^(\/[^:]*)?(:\/[^:]*)*$/, 'absolute folders with colons between them')),
    z.transform((value) => value.split(':').filter((part) => part !== '')),
  );
}

/** Parts with commas between them, each of which matches `pattern`. */
export function list(pattern: RegExp, allowed: string): z.ZodMiniType<readonly string[], string> {
  return z.pipe(
    z
      .string()
      .check(z.refine((value: string) => partsOf(value).every((part) => pattern.test(part)), allowed)),
    z.transform(partsOf),
  );
}

/** Addresses and networks in CIDR notation with commas between them; `none` is the empty list. */
export function networks(): z.ZodMiniType<readonly string[], string> {
  const message = 'addresses or networks such as 10.1.0.0/16 with commas between them, or none';
  return z.pipe(
    z
      .string()
      .check(z.refine((value: string) => value === 'none' || partsOf(value).every(isNetwork), message)),
    z.transform((value) => (value === 'none' ? [] : partsOf(value))),
  );
}

function partsOf(value: string): string[] {
  return value.split(',').map((part) => part.trim());
}

function isNetwork(text: string): boolean {
  const [address = '', bits, ...more] = text.split('/');
  const most = isIP(address) === 4 ? 32 : isIP(address) === 6 ? 128 : -1;
  return (
    most > 0 && more.length === 0 && (bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= most))
  );
}

function isUrlList(value: string, schemes: readonly string[]): boolean {
  // mongodb://a,b/db and nats://a,b carry the scheme once, nats://a,nats://b each time; no URL parser takes all of them.
  const [first = '', ...rest] = value.split(',').map((part) => part.trim());
  const hasScheme = (part: string): boolean =>
    schemes.some((scheme) => new RegExp(`^${scheme.replaceAll('+', '\\+')}://\\S+$`).test(part));
  return hasScheme(first) && rest.every((part) => hasScheme(part) || /^[^\s:]+(:\d+)?[^\s:]*$/.test(part));
}
