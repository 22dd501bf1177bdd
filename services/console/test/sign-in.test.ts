import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TerminalError } from '@rookery/contracts';
import { createAuthoriser } from '@rookery/service-kit';
import { digestOfToken, newToken } from '@rookery/service-kit/tokens';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';

import { maySpeakForOthers } from '../src/adapters/sign-in.js';
import { runIds } from './fake-runs.js';
import { startTestConsole } from './start-console.js';
import type { Answer, TestConsole } from './start-console.js';

const folder = mkdtempSync(join(tmpdir(), 'rookery-console-'));
const file = join(folder, 'tokens.json');
const [reader, publisher] = [newToken(), newToken()];
const write = (...entries: [string, string, string[]][]): void =>
  writeFileSync(
    file,
    JSON.stringify({
      tokens: entries.map(([name, token, roles]) => ({
        name,
        sha256: digestOfToken(token).toString('hex'),
        roles,
      })),
    }),
  );
const both = (): void => write(['ann', reader, ['read']], ['bob', publisher, ['read', 'publish']]);

let console_: TestConsole;
beforeAll(async () => {
  both();
  console_ = await startTestConsole({
    authoriser: createAuthoriser({ tokensFile: file, checkEveryMs: 0 }),
    streams: { heartbeatMs: 20 },
  });
});
afterAll(async () => {
  await console_.stop();
  rmSync(folder, { recursive: true });
});

const json = { 'content-type': 'application/json' };
const signIn = (token: unknown, headers: Record<string, string> = {}): Promise<Answer> =>
  console_.call('/api/v1/session', {
    method: 'POST',
    headers: { ...json, ...headers },
    body: JSON.stringify({ token }),
  });
const cookieOf = (answer: Answer): string => (answer.headers['set-cookie']?.[0] ?? '').split(';')[0] ?? '';

describe('a console that asks who it is', () => {
  it('shows its pages, its health and the need to sign in to anybody, and no data', async () => {
    for (const path of ['/', '/app.js', '/sign-in.js', '/health'])
      expect((await console_.call(path)).status, path).toBe(200);
    expect((await console_.call('/api/v1/session')).json).toEqual({ required: true, name: null, roles: [] });
    for (const path of [
      '/runs',
      '/models',
      '/datasets',
      '/monitor',
      '/plugins',
      '/system',
      '/events',
      '/settings',
      '/stream',
    ]) {
      const answer = await console_.call(`/api/v1${path}`);
      expect([answer.status, answer.json.code], path).toEqual([401, 'RK_UNAUTHENTICATED']);
    }
  });

  it('gives a cookie that no script and no other site can use, and knows its bearer', async () => {
    const answer = await signIn(reader);
    expect(answer.json).toEqual({ required: true, name: 'ann', roles: ['read'] });
    expect(answer.headers['set-cookie']?.[0]).toMatch(/; Path=\/; HttpOnly; SameSite=Strict$/);
    const cookie = cookieOf(answer);
    expect((await console_.call('/api/v1/runs', { headers: { cookie } })).status).toBe(200);
    expect(
      (await console_.call('/api/v1/session', { headers: { cookie: `a=b; ${cookie}` } })).json.name,
    ).toBe('ann');
    expect(
      (await console_.call('/api/v1/runs', { headers: { authorization: `Bearer ${reader}` } })).status,
    ).toBe(200);
  });

  it.each([
    [newToken()],
    [''],
    [7],
    [undefined],
    ['a b'],
    [`${'x'.repeat(600)}`],
    ['x; Domain=evil.example'],
  ])('signs nobody in with %j', async (token) => {
    const answer = await signIn(token);
    expect([400, 401]).toContain(answer.status);
    expect(answer.headers['set-cookie']).toBeUndefined();
  });

  it('signs nobody in or out for a page of another site', async () => {
    const headers = { origin: 'https://evil.example' };
    expect((await signIn(reader, headers)).json.code).toBe('RK_ORIGIN_FORBIDDEN');
    expect((await console_.call('/api/v1/session', { method: 'DELETE', headers })).json.code).toBe(
      'RK_ORIGIN_FORBIDDEN',
    );
    const form = await console_.call('/api/v1/session', {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: `token=${reader}`,
    });
    expect(form.json.code).toBe('RK_REQUEST_INVALID');
  });

  it('lets only who may publish ask for a report', async () => {
    const ask = async (token: string): Promise<number> =>
      (
        await console_.call('/api/v1/monitor/penguins/report', {
          method: 'POST',
          headers: { ...json, cookie: cookieOf(await signIn(token)) },
          body: '{}',
        })
      ).status;
    expect(await ask(reader)).toBe(403);
    expect(await ask(publisher)).toBe(200);
  });

  it('asks for a turn in the name of who has signed in, whatever else the request says', async () => {
    const headers = {
      ...json,
      cookie: cookieOf(await signIn(publisher)),
      'rookery-on-behalf-of-bin': Buffer.from('ann').toString('base64'),
      'rookery-on-behalf-of': 'ann',
      'x-forwarded-user': 'ann',
      'x-remote-user': 'ann',
    };
    const turn = (what: string, body = '{}'): Promise<Answer> => {
      const runId = what === 'resume' ? runIds.failed : runIds.training;
      return console_.call(`/api/v1/runs/${runId}/${what}`, { method: 'POST', headers, body });
    };
    expect((await turn('resume')).status).toBe(200);
    expect((await turn('cancel', '{"reason": "wrong file"}')).status).toBe(200);
    expect(console_.data.turnsAsked).toEqual([
      { resume: { runId: runIds.failed, actor: 'bob', onBehalfOf: 'bob', reason: '' } },
      { cancel: { runId: runIds.training, actor: 'bob', onBehalfOf: 'bob', reason: 'wrong file' } },
    ]);
    for (const body of ['{"actor": "ann"}', '{"onBehalfOf": "ann"}'])
      expect((await turn('resume', body)).json.code).toBe('RK_MESSAGE_UNKNOWN_FIELD');
    expect(console_.data.turnsAsked).toHaveLength(2);
  });

  it('ends the cookie at a sign-out, and every use of a revoked token, live streams among them', async () => {
    const out = await console_.call('/api/v1/session', { method: 'DELETE' });
    expect(out.headers['set-cookie']?.[0]).toMatch(/^rookery=; Max-Age=0;/);
    const cookie = cookieOf(await signIn(reader));
    const stream = console_.call('/api/v1/stream', { headers: { cookie } });
    await vi.waitFor(() => expect(console_.streams.clients()).toBe(1));
    write(['bob', publisher, ['read', 'publish']]);
    expect((await console_.call('/api/v1/runs', { headers: { cookie } })).status).toBe(401);
    // Resolves when the server has ended the stream.
    expect((await stream).text).toContain('event: hello');
    both();
  });

  it('tells a refusal by a service from one of its own: signing in again would not help', async () => {
    const refused = new TerminalError('RK_UNAUTHENTICATED', 'The call has no token');
    const other = await startTestConsole({
      deps: { data: { ...console_.data, models: () => Promise.reject(refused) } },
    });
    const answer = await other.call('/api/v1/models');
    expect([answer.status, answer.json.code]).toEqual([503, 'RK_UNAVAILABLE']);
    expect(answer.json.hint).toContain('ROOKERY_TOKEN_FILE');
    await other.stop();
  });
});

describe('the token of the console itself', () => {
  it('lets it speak for who signs in by the role delegate alone, and need not where nobody does', () => {
    const [own, old] = [newToken(), newToken()];
    write(['console', own, ['read', 'publish', 'delegate']], ['former', old, ['read', 'publish', 'admin']]);
    const authoriser = createAuthoriser({ tokensFile: file, checkEveryMs: 0 });
    expect(maySpeakForOthers(authoriser, own)).toBe(true);
    expect(maySpeakForOthers(authoriser, old)).toBe(false);
    expect(maySpeakForOthers(authoriser, newToken())).toBe(false);
    expect(maySpeakForOthers(authoriser, undefined)).toBe(true);
    expect(maySpeakForOthers(undefined, old)).toBe(true);
    both();
  });
});

describe('a console that asks nobody', () => {
  it('says so, and gives no cookie', async () => {
    const open = await startTestConsole();
    expect((await open.call('/api/v1/session')).json).toEqual({ required: false, name: null, roles: [] });
    const answer = await open.call('/api/v1/session', {
      method: 'POST',
      headers: json,
      body: '{"token":"anything"}',
    });
    expect([answer.status, answer.headers['set-cookie']]).toEqual([200, undefined]);
    await open.stop();
  });
});
