import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { startTestConsole } from './start-console.js';
import type { Json, TestConsole } from './start-console.js';

let console_: TestConsole;
beforeAll(async () => {
  console_ = await startTestConsole({ allowedHosts: ['console.example', '0.0.0.0'] });
});
afterAll(() => console_.stop());

const report = (headers: Record<string, string>): Promise<Json> =>
  console_.call('/api/v1/monitor/penguins/report', {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: '{}',
  });

describe('headers', () => {
  it.each(['/', '/app.js', '/style.css', '/api/v1/runs', '/api/v1/none', '/health'])(
    '%s forbids foreign code, sniffing and framing',
    async (path) => {
      const { headers } = await console_.call(path);
      expect(headers['content-security-policy']).toContain("default-src 'self'");
      expect(headers['content-security-policy']).toContain("frame-ancestors 'none'");
      expect(headers['content-security-policy']).not.toContain('unsafe');
      expect(headers).toMatchObject({
        'x-content-type-options': 'nosniff',
        'x-frame-options': 'DENY',
        'referrer-policy': 'no-referrer',
      });
    },
  );

  it('serves the page with its type, and answers 304 to who has it', async () => {
    const first = await console_.call('/');
    expect(first.headers['content-type']).toBe('text/html; charset=utf-8');
    const again = await console_.call('/', { headers: { 'if-none-match': String(first.headers.etag) } });
    expect([again.status, again.text]).toEqual([304, '']);
  });

  it.each([
    ['//', 404],
    ['//evil.example/api/v1/runs', 404],
    ['/%ff', 404],
    ['/api/v1/runs/%ff', 400],
    ['http://[broken', 400],
  ])('answers %s, which is no path of a URL or none of ours, with %i', async (path, status) => {
    expect((await console_.call(path)).status).toBe(status);
  });

  it('sends no body for HEAD', async () => {
    const head = await console_.call('/api/v1/runs', { method: 'HEAD' });
    expect([head.status, head.text]).toEqual([200, '']);
  });

  it.each([
    '/../package.json',
    '/%2e%2e/package.json',
    '/pages/../../package.json',
    '/..%2fpackage.json',
    '/.git/config',
  ])('does not reach a file outside its folder by %s', async (path) => {
    expect((await console_.call(path)).status).toBe(404);
  });
});

describe('the Host header', () => {
  it.each([
    '127.0.0.1',
    'localhost',
    'localhost:9999',
    '[::1]:7070',
    '127.8.9.1',
    'console.example',
    'CONSOLE.example:80',
  ])('%s is known', async (host) => {
    expect((await console_.call('/api/v1/settings', { headers: { host } })).status).toBe(200);
  });

  it.each([
    'evil.example',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    'evil.example:7070',
    'x@127.0.0.1',
    ' ',
  ])('%s is refused, for pages and live streams too', async (host) => {
    for (const path of ['/', '/api/v1/runs', '/api/v1/stream']) {
      const answer = await console_.call(path, { headers: { host } });
      expect([answer.status, answer.json.code]).toEqual([403, 'RK_ORIGIN_FORBIDDEN']);
    }
  });

  it('does not matter to a probe', async () => {
    expect((await console_.call('/health', { headers: { host: '10.1.2.3:7070' } })).status).toBe(200);
  });
});

describe('a write', () => {
  it.each([
    [{ origin: 'http://evil.example' }],
    [{ origin: 'null' }],
    [{ 'sec-fetch-site': 'cross-site' }],
    [{ 'sec-fetch-site': 'same-site' }],
    [{ origin: 'http://127.0.0.1:1' }],
  ])('from another site is refused: %o', async (headers) => {
    const before = console_.data.reportsAsked.length;
    const answer = await report(headers);
    expect([answer.status, answer.json.code]).toEqual([403, 'RK_ORIGIN_FORBIDDEN']);
    expect(console_.data.reportsAsked).toHaveLength(before);
  });

  it('from the console itself, or from a program, is taken', async () => {
    expect((await report({ origin: console_.url, 'sec-fetch-site': 'same-origin' })).status).toBe(200);
    expect((await report({})).status).toBe(200);
  });
});
