import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { RequestListener, Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { openFile } from '../src/adapters/file-source.js';
import { httpLimits, openHttp } from '../src/adapters/http-source.js';
import { readSource } from '../src/application/read-source.js';
import type { ReadSourceOptions } from '../src/application/read-source.js';
import type { OpenedSource } from '../src/application/ports.js';

const options = (changes: Partial<ReadSourceOptions> = {}): ReadSourceOptions => ({
  uri: 'file:///x.csv',
  format: undefined,
  sha256: undefined,
  maxBytes: 1_000_000,
  maxColumns: 2000,
  ...changes,
});

async function textOf(source: OpenedSource): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of source.chunks) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

describe('files', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'rookery-ingest-'));
    await mkdir(join(folder, 'allowed'));
    await writeFile(join(folder, 'allowed', 'a b.csv'), 'a,b\n1,2\n');
    await writeFile(join(folder, 'secret.csv'), 'a,b\n1,2\n');
    await symlink(join(folder, 'secret.csv'), join(folder, 'allowed', 'link.csv'));
  });
  afterAll(() => rm(folder, { recursive: true }));
  const uriOf = (...parts: string[]): string => pathToFileURL(join(folder, ...parts)).href;

  test('a file below an allowed folder is read', async () => {
    const source = await openFile(uriOf('allowed', 'a b.csv'), [join(folder, 'allowed')]);
    expect(await textOf(source)).toBe('a,b\n1,2\n');
  });

  test.each([
    ['a file beside the allowed folder', ['secret.csv'], 'RK_DATASET_URI_FORBIDDEN'],
    ['a link that leads out of the allowed folder', ['allowed', 'link.csv'], 'RK_DATASET_URI_FORBIDDEN'],
    ['a file that is not there', ['allowed', 'none.csv'], 'RK_DATASET_NOT_FOUND'],
  ])('%s is refused', async (_, path, code) => {
    await expect(openFile(uriOf(...path), [join(folder, 'allowed')])).rejects.toMatchObject({ code });
  });

  test('a folder, a device, a relative path and a path on another host are refused', async () => {
    await expect(openFile(uriOf('allowed'), undefined)).rejects.toMatchObject({
      code: 'RK_DATASET_NOT_FOUND',
    });
    await expect(openFile('file:///dev/zero', undefined)).rejects.toMatchObject({
      code: 'RK_DATASET_NOT_FOUND',
    });
    await expect(openFile('file://data/a.csv', undefined)).rejects.toMatchObject({
      code: 'RK_DATASET_URI_INVALID',
    });
    await expect(openFile(uriOf('secret.csv'), [])).rejects.toMatchObject({
      code: 'RK_DATASET_URI_FORBIDDEN',
    });
  });
});

describe('http', () => {
  let server: Server;
  let base: string;
  const answers: Record<string, RequestListener> = {
    '/data.csv': (_, res) => res.end('a,b\n1,2\n'),
    '/moved': (_, res) => res.writeHead(302, { location: '/data.csv' }).end(),
    '/loop': (_, res) => res.writeHead(302, { location: '/loop' }).end(),
    '/file': (_, res) => res.writeHead(302, { location: 'file:///etc/passwd' }).end(),
    '/busy': (_, res) => res.writeHead(503, { 'retry-after': '7' }).end(),
    '/teapot': (_, res) => res.writeHead(418).end(),
    '/private': (_, res) => res.writeHead(403).end(),
    '/silent': () => {},
    '/stalls': (_, res) => void res.write('a,b\n'),
    '/dies': (_, res) => res.writeHead(200, { 'content-length': '100' }).write('a', () => res.destroy()),
  };
  beforeAll(async () => {
    server = createServer((request, response) => {
      const answer = answers[request.url ?? ''];
      if (answer === undefined) response.writeHead(404).end();
      else answer(request, response);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });
  const signal = new AbortController().signal;
  const quick = { ...httpLimits, headersMs: 100, idleMs: 100 };

  test('a file is read, behind redirects too', async () => {
    expect(await textOf(await openHttp(`${base}/data.csv`, signal))).toBe('a,b\n1,2\n');
    expect(await textOf(await openHttp(`${base}/moved`, signal))).toBe('a,b\n1,2\n');
  });

  test.each([
    ['/none', 'RK_DATASET_NOT_FOUND', 'TerminalError'],
    ['/private', 'RK_DATASET_URI_FORBIDDEN', 'TerminalError'],
    ['/teapot', 'RK_DATASET_UNREACHABLE', 'TerminalError'],
    ['/loop', 'RK_DATASET_UNREACHABLE', 'TerminalError'],
    ['/file', 'RK_DATASET_URI_FORBIDDEN', 'TerminalError'],
    ['/busy', 'RK_DATASET_UNREACHABLE', 'RetryableError'],
    ['/silent', 'RK_DATASET_UNREACHABLE', 'RetryableError'],
    ['/stalls', 'RK_DATASET_UNREACHABLE', 'RetryableError'],
    ['/dies', 'RK_DATASET_UNREACHABLE', 'RetryableError'],
  ])('%s ends with %s as a %s', async (path, code, name) => {
    const read = openHttp(base + path, signal, quick).then(textOf);
    await expect(read).rejects.toMatchObject({ code, name });
  });

  test('a server says when to come back, a link-local host is never asked, a closed port is tried again', async () => {
    await expect(openHttp(`${base}/busy`, signal)).rejects.toMatchObject({ afterMs: 7000 });
    await expect(openHttp('http://169.254.169.254/x', signal)).rejects.toMatchObject({
      code: 'RK_DATASET_URI_FORBIDDEN',
    });
    await expect(openHttp('http://127.0.0.1:1/x', signal)).rejects.toMatchObject({ name: 'RetryableError' });
  });
});

describe('reading a source', () => {
  const sourceOf = (...texts: string[]): OpenedSource => ({
    chunks: (async function* () {
      for (const text of texts) yield new Uint8Array(Buffer.from(text));
    })(),
  });

  test('bytes, sha256 and format are those of all pieces', async () => {
    const read = await readSource(
      sourceOf('{"a"', ':1}', 'x'.repeat(70_000)),
      options({ uri: 'artifact:0' }),
    );
    const text = `{"a":1}${'x'.repeat(70_000)}`;
    expect(Buffer.from(read.bytes).toString()).toBe(text);
    expect(read.sha256).toBe(createHash('sha256').update(text).digest('hex'));
    expect(read.format).toBe('jsonl');
  });

  test('ten million columns are refused from the first pieces', async () => {
    let pieces = 0;
    const endless: OpenedSource = {
      chunks: (async function* () {
        for (; pieces < 10_000_000; pieces += 1000) yield new Uint8Array(Buffer.from('c,'.repeat(1000)));
      })(),
    };
    await expect(readSource(endless, options())).rejects.toMatchObject({
      code: 'RK_DATASET_TOO_MANY_COLUMNS',
    });
    expect(pieces).toBeLessThan(4000);
  });

  test('a source beyond the limit is left as soon as it is, or before where it says its size', async () => {
    await expect(
      readSource(sourceOf('a,b\n', 'c'.repeat(100)), options({ maxBytes: 50 })),
    ).rejects.toMatchObject({
      code: 'RK_DATASET_TOO_LARGE',
      details: { limit: '50' },
    });
    await expect(
      readSource({ ...sourceOf('a'), bytes: 51 }, options({ maxBytes: 50 })),
    ).rejects.toMatchObject({
      details: { limit: '50', bytes: '51' },
    });
  });

  test('no bytes and another sha256 are refused', async () => {
    await expect(readSource(sourceOf(), options())).rejects.toMatchObject({ code: 'RK_DATASET_EMPTY' });
    await expect(readSource(sourceOf('a'), options({ sha256: '0'.repeat(64) }))).rejects.toMatchObject({
      code: 'RK_DATASET_CHECKSUM',
      details: { expected: '0'.repeat(64), actual: createHash('sha256').update('a').digest('hex') },
    });
  });
});
