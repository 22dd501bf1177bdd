import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';

import { bearerTokenOf, createAuthoriser } from '../src/security/authoriser.js';
import type { Authoriser } from '../src/security/authoriser.js';
import { roles } from '../src/security/roles.js';
import { digestOfToken, newToken, parseTokenFile } from '../src/security/tokens.js';

const folder = mkdtempSync(join(tmpdir(), 'rookery-tokens-'));
const file = join(folder, 'tokens.json');
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const reader = newToken();
const operator = newToken();
const hash = (token: string): string => digestOfToken(token).toString('hex');
const record = (name: string, token: string, roleNames: string[], expires?: string): object => ({
  name,
  sha256: hash(token),
  roles: roleNames,
  ...(expires === undefined ? {} : { expires }),
});
const write = (...tokens: object[]): void => writeFileSync(file, JSON.stringify({ tokens }));

const list = '/rookery.registry.v1.RegistryService/ListModels';
const rollBack = '/rookery.registry.v1.RegistryService/RollBack';
const refused: Error[] = [];
let now = 0;
let authoriser: Authoriser;
beforeEach(() => {
  refused.length = 0;
  now = 0;
  write(record('dashboard', reader, ['read']), record('ops', operator, ['admin']));
  authoriser = createAuthoriser({
    tokensFile: file,
    checkEveryMs: 1000,
    now: () => now,
    clock: () => Date.parse('2026-01-01T00:00:00Z') + now,
    onRefused: (error) => refused.push(error),
  });
});

const codeOf = (call: () => unknown): unknown => {
  try {
    call();
    return 'allowed';
  } catch (error) {
    return (error as { code?: unknown }).code;
  }
};

describe('a caller', () => {
  it('may do what a role of its token allows, and admin everything', () => {
    expect(authoriser.authorise(list, { token: reader })).toMatchObject({
      name: 'dashboard',
      roles: ['read'],
    });
    expect(codeOf(() => authoriser.authorise(rollBack, { token: reader }))).toBe('RK_PERMISSION_DENIED');
    expect(authoriser.authorise(rollBack, { token: operator })).toMatchObject({ name: 'ops' });
    expect(authoriser.authorise(list, { token: operator })).toMatchObject({ name: 'ops' });
  });

  it('is refused without a token, with a wrong one, with its hash, and with any part of a good one', () => {
    for (const token of [undefined, 'rk_wrong', hash(reader), reader.slice(0, -1), `${reader}x`, '']) {
      expect(codeOf(() => authoriser.authorise(list, { token }))).toBe('RK_UNAUTHENTICATED');
    }
  });

  it('is refused for a method that no table knows, whatever its role', () => {
    for (const path of ['/rookery.registry.v1.RegistryService/Unknown', '/__proto__', 'toString'])
      expect(codeOf(() => authoriser.authorise(path, { token: operator }))).toBe('RK_PERMISSION_DENIED');
  });

  it('needs none for the health of a service', () => {
    expect(authoriser.authorise('/grpc.health.v1.Health/Check', {})).toBeUndefined();
  });

  it('is told which role it needs and has, and never another token', () => {
    try {
      authoriser.authorise(rollBack, { token: reader });
      expect.unreachable();
    } catch (error) {
      const { message, hint } = error as { message: string; hint: string };
      expect(message).toContain('dashboard may not call');
      expect(message).toContain('needs the role admin, and has read');
      expect(message + hint).not.toContain(reader);
    }
  });

  it('with any token but a known one is nobody', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 0, maxLength: 80 }), (token) => {
        expect(codeOf(() => authoriser.identify({ token }))).toBe('RK_UNAUTHENTICATED');
      }),
    );
  });
});

describe('a token', () => {
  it('ends when it expires, to the millisecond', () => {
    write(record('job', reader, ['read'], '2026-01-01T00:00:05Z'));
    now = 4999;
    expect(codeOf(() => authoriser.identify({ token: reader }))).toBe('allowed');
    now = 5000;
    expect(codeOf(() => authoriser.identify({ token: reader }))).toBe('RK_UNAUTHENTICATED');
  });

  it('that was added or taken out of the file counts within a second', () => {
    const added = newToken();
    write(record('new', added, ['read']));
    expect(codeOf(() => authoriser.identify({ token: added }))).toBe('RK_UNAUTHENTICATED');
    now = 1000;
    expect(authoriser.identify({ token: added })).toMatchObject({ name: 'new' });
    expect(codeOf(() => authoriser.identify({ token: reader }))).toBe('RK_UNAUTHENTICATED');
  });

  it('counts after the file was replaced by another', () => {
    const added = newToken();
    const other = join(folder, 'next.json');
    writeFileSync(other, JSON.stringify({ tokens: [record('new', added, ['read'])] }));
    renameSync(other, file);
    now = 1000;
    expect(authoriser.identify({ token: added })).toMatchObject({ name: 'new' });
  });

  it.each([
    ['half of a file', () => writeFileSync(file, '{"tokens": [{"na')],
    ['a file without sense', () => writeFileSync(file, '{"tokens": [{"name": "x"}]}')],
    ['no file at all', () => rmSync(file)],
  ])('that was good goes on through %s, which is told once', (_, damage) => {
    damage();
    for (now of [1000, 2000, 3000])
      expect(authoriser.identify({ token: reader })).toMatchObject({ name: 'dashboard' });
    expect(refused).toHaveLength(1);
    write(record('new', operator, ['read']));
    now = 4000;
    expect(authoriser.identify({ token: operator })).toMatchObject({ name: 'new' });
    expect(codeOf(() => authoriser.identify({ token: reader }))).toBe('RK_UNAUTHENTICATED');
  });

  it('has 256 random bits and is never the same', () => {
    const many = Array.from({ length: 100 }, newToken);
    expect(new Set(many).size).toBe(100);
    for (const token of many) expect(Buffer.from(token.slice(3), 'base64url')).toHaveLength(32);
  });
});

describe('a call on behalf of somebody', () => {
  const [console_, silent] = [newToken(), newToken()];
  const resume = '/rookery.registry.v1.RegistryService/ResumeRun';
  const everybody = (): object[] => [
    record('console', console_, ['read', 'publish', 'delegate']),
    record('silent', silent, ['read', 'publish']),
    record('ops', operator, ['admin']),
    record('ann', newToken(), ['read', 'publish']),
    record('eve', newToken(), ['read']),
    record('gone', newToken(), ['read', 'publish'], '2026-01-01T00:00:00Z'),
  ];
  beforeEach(() => {
    write(...everybody());
    now = 1000;
  });

  it('is theirs where its caller may speak for others: by their name and roles, and through whom', () => {
    expect(authoriser.authorise(resume, { token: console_ }, 'ann')).toEqual({
      name: 'ann',
      roles: ['read', 'publish'],
      via: 'console',
    });
    expect(authoriser.authorise(resume, { token: console_ })).toMatchObject({ name: 'console' });
  });

  it.each([
    ['somebody without the role delegate', silent],
    ['an admin', operator],
  ])('is refused to %s', (_, token) => {
    expect(codeOf(() => authoriser.authorise(resume, { token }, 'ann'))).toBe('RK_PERMISSION_DENIED');
    expect(codeOf(() => authoriser.authorise(resume, { token }))).toBe('allowed');
  });

  it.each([
    ['has not the role of the call', 'eve', resume],
    ['nobody knows', 'mallory', resume],
    ['has expired', 'gone', resume],
    ['has no name', '', resume],
    ['is called like a property of every object', '__proto__', resume],
  ])('is refused for somebody who %s', (_, name, path) => {
    expect(codeOf(() => authoriser.authorise(path, { token: console_ }, name))).toBe('RK_PERMISSION_DENIED');
  });

  it('may do no more than its caller, whoever it is for', () => {
    expect(codeOf(() => authoriser.authorise(rollBack, { token: console_ }, 'ops'))).toBe(
      'RK_PERMISSION_DENIED',
    );
    expect(codeOf(() => authoriser.authorise(resume, { token: 'rk_wrong' }, 'ann'))).toBe(
      'RK_UNAUTHENTICATED',
    );
  });

  it('knows somebody by a certificate too, and without a file of tokens whom the certificate of the console names', () => {
    const tokens = everybody();
    const certificates = [{ name: 'carl', common_name: 'carl@example', roles: ['publish'] }];
    writeFileSync(file, JSON.stringify({ tokens, certificates }));
    now = 2000;
    expect(authoriser.authorise(resume, { token: console_ }, 'carl')).toMatchObject({ name: 'carl' });
    const mutual = createAuthoriser({ tokensFile: undefined });
    expect(mutual.authorise(resume, { commonName: 'console' }, 'ann')).toMatchObject({
      name: 'ann',
      via: 'console',
    });
    expect(codeOf(() => mutual.authorise(resume, { commonName: 'registry' }, 'ann'))).toBe(
      'RK_PERMISSION_DENIED',
    );
  });
});

describe('a client certificate', () => {
  it('stands for the caller that the file says', () => {
    writeFileSync(
      file,
      JSON.stringify({ certificates: [{ name: 'console', common_name: 'console', roles: ['read'] }] }),
    );
    now = 1000;
    expect(authoriser.authorise(list, { commonName: 'console' })).toMatchObject({ name: 'console' });
    expect(codeOf(() => authoriser.authorise(rollBack, { commonName: 'console' }))).toBe(
      'RK_PERMISSION_DENIED',
    );
    expect(codeOf(() => authoriser.authorise(list, { commonName: 'another' }))).toBe('RK_UNAUTHENTICATED');
  });

  it('may do everything where there is no file of tokens, and a token nothing', () => {
    const mutual = createAuthoriser({ tokensFile: undefined });
    expect(mutual.authorise(rollBack, { commonName: 'console' })).toEqual({
      name: 'console',
      roles: ['admin', 'delegate'],
    });
    expect(mutual.authorise(rollBack, { commonName: 'registry' })?.roles).toEqual(['admin']);
    expect(codeOf(() => mutual.authorise(list, {}))).toBe('RK_UNAUTHENTICATED');
    expect(codeOf(() => mutual.authorise(list, { token: reader, commonName: 'console' }))).toBe(
      'RK_UNAUTHENTICATED',
    );
  });
});

describe('a file of tokens', () => {
  it.each([
    ['{"tokens":[{"name":"a b","sha256":"' + 'a'.repeat(64) + '","roles":["read"]}]}', 'tokens.0.name'],
    ['{"tokens":[{"name":"a","sha256":"AB","roles":["read"]}]}', 'tokens.0.sha256'],
    ['{"tokens":[{"name":"a","sha256":"' + 'a'.repeat(64) + '","roles":["root"]}]}', 'tokens.0.roles.0'],
    ['{"tokens":[{"name":"a","sha256":"' + 'a'.repeat(64) + '","roles":[]}]}', 'tokens.0.roles'],
    ['{"tokens":[{"name":"a","token":"rk_secret","roles":["read"]}]}', 'tokens.0'],
    [
      '{"tokens":[{"name":"a","sha256":"' + 'a'.repeat(64) + '","roles":["read"],"expires":"soon"}]}',
      'expires',
    ],
    ['[]', 'the file'],
    ['', 'not valid JSON'],
  ])('%s is refused, naming the field', (text, where) => {
    expect(() => parseTokenFile(text)).toThrow(where);
    try {
      parseTokenFile(text);
    } catch (error) {
      expect((error as Error).message).not.toContain('rk_secret');
    }
  });

  it('never makes a caller of text that it was not written as', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        try {
          const parsed = parseTokenFile(JSON.stringify(value));
          for (const token of parsed.tokens) {
            expect(token.sha256).toMatch(/^[0-9a-f]{64}$/);
            for (const role of token.roles) expect(roles).toContain(role);
          }
        } catch (error) {
          expect(error).toBeInstanceOf(Error);
        }
      }),
    );
  });
});

describe('an authorization header', () => {
  it('gives its bearer token', () => {
    expect(bearerTokenOf('Bearer abc.DEF-123')).toBe('abc.DEF-123');
    expect(bearerTokenOf('bearer  x==')).toBe('x==');
    expect(bearerTokenOf(undefined)).toBeUndefined();
  });

  it.each(['Basic dXNlcjpwYXNz', 'Bearer', 'Bearer a b', 'abc', 'Bearer a,b'])('%s is refused', (header) => {
    expect(codeOf(() => bearerTokenOf(header))).toBe('RK_UNAUTHENTICATED');
  });
});
