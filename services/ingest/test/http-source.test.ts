import { once } from 'node:events';
import { createServer } from 'node:http';
import type { RequestListener, Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { loadConfig } from '@rookery/service-kit';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';

import { openHttp } from '../src/adapters/http-source.js';
import type { HttpOptions } from '../src/adapters/http-source.js';
import { config, httpOptionsOf } from '../src/config.js';
import { textOf } from './fixtures.js';

const content = 'a,b\n1,2\n';
const bomb = gzipSync(Buffer.alloc(80 * 1024 * 1024));
let server: Server;
let port: number;
let asked: string[] = [];
const answers: Record<string, RequestListener> = {
  '/data.csv': (_, res) => res.end(content),
  '/moved': (_, res) => res.writeHead(302, { location: '/data.csv' }).end(),
  '/loop': (_, res) => res.writeHead(302, { location: '/loop' }).end(),
  '/file': (_, res) => res.writeHead(302, { location: 'file:///etc/passwd' }).end(),
  '/metadata': (_, res) => res.writeHead(302, { location: 'http://169.254.169.254/latest' }).end(),
  '/back': (_, res) => res.writeHead(302, { location: `http://127.0.0.1:${port}/data.csv` }).end(),
  '/elsewhere': (_, res) => res.writeHead(302, { location: 'http://elsewhere.example/' }).end(),
  '/nowhere': (_, res) => res.writeHead(302, { location: 'http://[broken' }).end(),
  '/busy': (_, res) => res.writeHead(503, { 'retry-after': '7' }).end(),
  '/teapot': (_, res) => res.writeHead(418).end(),
  '/private': (_, res) => res.writeHead(403).end(),
  '/silent': () => {},
  '/stalls': (_, res) => void res.write('a,b\n'),
  '/drips': (_, res) => {
    const timer = setInterval(() => res.write('a'), 20);
    res.on('close', () => clearInterval(timer));
  },
  '/dies': (_, res) => res.writeHead(200, { 'content-length': '100' }).write('a', () => res.destroy()),
  '/gzip': (_, res) => res.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(content)),
  '/deflate': (_, res) => res.writeHead(200, { 'content-encoding': 'deflate' }).end(deflateSync(content)),
  '/br': (_, res) => res.writeHead(200, { 'content-encoding': 'br' }).end(brotliCompressSync(content)),
  '/no-gzip': (_, res) => res.writeHead(200, { 'content-encoding': 'gzip' }).end(content),
  '/half-gzip': (_, res) =>
    res.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(content).subarray(0, 12)),
  '/twice': (_, res) => res.writeHead(200, { 'content-encoding': 'gzip, gzip' }).end(gzipSync(content)),
  '/bomb': (_, res) => res.writeHead(200, { 'content-encoding': 'gzip' }).end(bomb),
  '/large-head': (_, res) => res.writeHead(200, { 'x-large': 'x'.repeat(64 * 1024) }).end(),
};

beforeAll(async () => {
  server = createServer((request, response) => {
    asked.push(request.headers.host ?? '');
    const answer = answers[request.url ?? ''];
    if (answer === undefined) response.writeHead(404).end();
    else answer(request, response);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  port = (server.address() as AddressInfo).port;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});
afterEach(() => {
  asked = [];
});

const signal = new AbortController().signal;

/** Options as the environment gives them, every name leading where the test says. */
function optionsOf(env: Record<string, string> = {}, addresses?: Record<string, string[]>): HttpOptions {
  const options = httpOptionsOf(loadConfig(config, env));
  if (addresses === undefined) return options;
  const resolve: HttpOptions['resolve'] = async (host) =>
    (addresses[host] ?? []).map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
  return { ...options, resolve };
}
const read = async (path: string, options = optionsOf()): Promise<string> =>
  textOf(await openHttp(path.startsWith('http') ? path : `http://127.0.0.1:${port}${path}`, signal, options));

test('a file is read, behind redirects and compressed too', async () => {
  for (const path of ['/data.csv', '/moved', '/gzip', '/deflate', '/br'])
    expect(await read(path)).toBe(content);
  expect(asked[0]).toBe(`127.0.0.1:${port}`);
});

test.each([
  ['/none', 'RK_DATASET_NOT_FOUND', 'TerminalError'],
  ['/private', 'RK_DATASET_URI_FORBIDDEN', 'TerminalError'],
  ['/teapot', 'RK_DATASET_UNREACHABLE', 'TerminalError'],
  ['/loop', 'RK_DATASET_UNREACHABLE', 'TerminalError'],
  ['/file', 'RK_DATASET_URI_FORBIDDEN', 'TerminalError'],
  ['/metadata', 'RK_DATASET_URI_FORBIDDEN', 'TerminalError'],
  ['/nowhere', 'RK_DATASET_URI_INVALID', 'TerminalError'],
  ['/no-gzip', 'RK_DATASET_MALFORMED', 'TerminalError'],
  ['/half-gzip', 'RK_DATASET_MALFORMED', 'TerminalError'],
  ['/twice', 'RK_DATASET_FORMAT', 'TerminalError'],
  ['/bomb', 'RK_DATASET_TOO_LARGE', 'TerminalError'],
  ['/busy', 'RK_DATASET_UNREACHABLE', 'RetryableError'],
  ['/silent', 'RK_DATASET_UNREACHABLE', 'RetryableError'],
  ['/stalls', 'RK_DATASET_UNREACHABLE', 'RetryableError'],
  ['/dies', 'RK_DATASET_UNREACHABLE', 'RetryableError'],
  ['/large-head', 'RK_DATASET_UNREACHABLE', 'RetryableError'],
])('%s ends with %s as a %s', async (path, code, name) => {
  const quick = ['/silent', '/stalls'].includes(path) ? { ROOKERY_FETCH_IDLE_MS: '100' } : {};
  await expect(read(path, optionsOf(quick))).rejects.toMatchObject({ code, name });
});

test('a download that never pauses and never ends is cut off', async () => {
  await expect(read('/drips', optionsOf({ ROOKERY_FETCH_TOTAL_MS: '200' }))).rejects.toMatchObject({
    code: 'RK_DATASET_UNREACHABLE',
    details: { reason: 'took longer than 200 ms' },
  });
});

test('a server says when to come back; a closed port is tried again; a reader that stops is obeyed', async () => {
  await expect(read('/busy')).rejects.toMatchObject({ afterMs: 7000 });
  await expect(read('http://127.0.0.1:1/x')).rejects.toMatchObject({ name: 'RetryableError' });
  const stop = new AbortController();
  const opened = await openHttp(`http://127.0.0.1:${port}/drips`, stop.signal, optionsOf());
  stop.abort(new Error('stopping'));
  await expect(textOf(opened)).rejects.toThrow('stopping');
});

test('the number of redirects is configurable', async () => {
  expect(await read('/moved', optionsOf({ ROOKERY_FETCH_REDIRECTS: '1' }))).toBe(content);
  await expect(read('/moved', optionsOf({ ROOKERY_FETCH_REDIRECTS: '0' }))).rejects.toMatchObject({
    hint: expect.stringContaining('ROOKERY_FETCH_REDIRECTS') as string,
  });
});

test('an address with credentials is refused: events are kept and shown', async () => {
  await expect(read(`http://user:secret@127.0.0.1:${port}/data.csv`)).rejects.toMatchObject({
    code: 'RK_DATASET_URI_FORBIDDEN',
    message: expect.not.stringContaining('secret') as string,
  });
});

describe('a server on an address that is not public is never asked', () => {
  const outside = { ROOKERY_HOST: '0.0.0.0' };

  test.each([
    ['link-local', 'http://169.254.169.254/latest/meta-data'],
    ['private', 'http://10.0.0.1/'],
    ['private IPv6', 'http://[fd00::1]/'],
    ['unspecified', 'http://0.0.0.0/'],
    ['short unspecified', 'http://0/'],
    ['multicast', 'http://224.0.0.1/'],
    ['broadcast', 'http://255.255.255.255/'],
    ['decimal', 'http://167772161/'],
    ['octal', 'http://0251.0376.0251.0376/'],
    ['hexadecimal', 'http://0xa9fea9fe/'],
    ['mixed', 'http://0xa9.254.0251.254/'],
    ['two-part', 'http://10.1/'],
    ['full-width digits', 'http://１６９.２５４.１６９.２５４/'],
    ['IPv4-mapped', 'http://[::ffff:169.254.169.254]/'],
    ['IPv4-mapped in hexadecimal', 'http://[::ffff:a9fe:a9fe]/'],
    ['NAT64', 'http://[64:ff9b::169.254.169.254]/'],
    ['6to4', 'http://[2002:a9fe:a9fe::1]/'],
  ])('%s', async (_, uri) => {
    await expect(read(uri)).rejects.toMatchObject({
      name: 'TerminalError',
      code: 'RK_DATASET_URI_FORBIDDEN',
      hint: expect.stringContaining('ROOKERY_FETCH_NETWORKS') as string,
    });
  });

  test.each([
    ['loopback, where the system listens elsewhere too', () => `http://127.0.0.1:${port}/data.csv`],
    ['loopback in decimal', () => `http://2130706433:${port}/data.csv`],
    ['loopback, mapped', () => `http://[::ffff:127.0.0.1]:${port}/data.csv`],
    ['localhost', () => `http://localhost:${port}/data.csv`],
  ])('%s', async (_, uri) => {
    await expect(read(uri(), optionsOf(outside))).rejects.toMatchObject({
      code: 'RK_DATASET_URI_FORBIDDEN',
    });
    expect(asked).toEqual([]);
  });

  test('unless its network is allowed', async () => {
    const env = { ...outside, ROOKERY_FETCH_NETWORKS: '10.0.0.0/8, 127.0.0.1' };
    expect(await read('/data.csv', optionsOf(env))).toBe(content);
    await expect(read('/data.csv', optionsOf({ ROOKERY_FETCH_NETWORKS: 'none' }))).rejects.toMatchObject({
      details: { kind: 'loopback' },
    });
  });

  test('where only one of the addresses of its name is such', async () => {
    const options = optionsOf(outside, { 'two.example': ['8.8.8.8', '127.0.0.1'] });
    await expect(read(`http://two.example:${port}/data.csv`, options)).rejects.toMatchObject({
      code: 'RK_DATASET_URI_FORBIDDEN',
      details: { host: 'two.example', address: '127.0.0.1', kind: 'loopback' },
    });
    expect(asked).toEqual([]);
  });
});

test('the connection goes to the address that was checked: the name is resolved once', async () => {
  let resolved = 0;
  const options: HttpOptions = {
    ...optionsOf(),
    resolve: async () => {
      resolved++;
      // The second answer would lead elsewhere, as that of a name that is rebound.
      return [{ address: resolved === 1 ? '127.0.0.1' : '169.254.169.254', family: 4 }];
    },
  };
  expect(await read(`http://rebound.example:${port}/data.csv`, options)).toBe(content);
  expect(asked).toEqual([`rebound.example:${port}`]);
  expect(resolved).toBe(1);
  // Each redirect is a request of its own: resolved and checked again.
  await expect(read(`http://rebound.example:${port}/moved`, { ...options })).rejects.toMatchObject({
    code: 'RK_DATASET_URI_FORBIDDEN',
  });
});

test('a name server that does not answer does not hold the download', async () => {
  const options: HttpOptions = {
    ...optionsOf({ ROOKERY_FETCH_IDLE_MS: '100' }),
    resolve: () => new Promise(() => {}),
  };
  await expect(read('http://slow.example/x', options)).rejects.toMatchObject({ name: 'RetryableError' });
});

describe('where hosts are named', () => {
  const env = { ROOKERY_FETCH_HOSTS: 'data.example,*.trusted.example' };
  const addresses = {
    'data.example': ['127.0.0.1'],
    'a.trusted.example': ['127.0.0.1'],
    'trusted.example': ['127.0.0.1'],
    'eviltrusted.example': ['127.0.0.1'],
    'elsewhere.example': ['127.0.0.1'],
  };

  test.each(['data.example', 'DATA.example', 'data.example.', 'a.trusted.example'])(
    '%s may be asked',
    async (host) => {
      const known = { ...addresses, 'data.example.': ['127.0.0.1'] };
      expect(await read(`http://${host}:${port}/data.csv`, optionsOf(env, known))).toBe(content);
    },
  );

  test.each(['trusted.example', 'eviltrusted.example', 'elsewhere.example', '127.0.0.1'])(
    '%s may not',
    async (host) => {
      await expect(read(`http://${host}:${port}/data.csv`, optionsOf(env, addresses))).rejects.toMatchObject({
        code: 'RK_DATASET_URI_FORBIDDEN',
        hint: expect.stringContaining('ROOKERY_FETCH_HOSTS') as string,
      });
      expect(asked).toEqual([]);
    },
  );

  test('a redirect to another host is not followed', async () => {
    await expect(
      read(`http://data.example:${port}/elsewhere`, optionsOf(env, addresses)),
    ).rejects.toMatchObject({ code: 'RK_DATASET_URI_FORBIDDEN', details: { host: 'elsewhere.example' } });
  });
});
