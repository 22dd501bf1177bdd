import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { openArtifacts, parseArtifactsUrl } from '../src/index.js';
import type { ArtifactStore } from '../src/index.js';

const outer = mkdtempSync(join(tmpdir(), 'rookery-confinement-'));
const root = join(outer, 'root');
let store: ArtifactStore;
beforeAll(async () => {
  store = await openArtifacts({ url: pathToFileURL(root).href, cacheBytes: 0 });
  await store.put(Buffer.from('inside'), 'text/plain');
  writeFileSync(join(outer, 'secret'), 'outside');
});
afterAll(async () => {
  await store.close();
  rmSync(outer, { recursive: true, force: true });
});

const hostile = [
  '../secret',
  '..%2fsecret',
  '/etc/passwd',
  `../../${'a'.repeat(58)}`,
  `${'a'.repeat(60)}/../`,
  `..\\${'a'.repeat(61)}`,
  'A'.repeat(64),
  `${'a'.repeat(64)}\0`,
  `${'a'.repeat(63)}\n`,
  'a'.repeat(65),
  '',
  '.',
  '..',
  '*',
  '>',
];

describe('an artifact', () => {
  it.each(hostile)('is never looked for under %j', async (name) => {
    for (const look of [() => store.get(name), () => store.has(name), () => store.openRead(name)])
      await expect(look()).rejects.toMatchObject({ code: 'RK_ARTIFACT_INVALID' });
  });

  it('has no name but a checksum, whatever is asked for', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(fc.string({ maxLength: 100 }), fc.stringMatching(/^[./\\a-f0-9]{64}$/)),
        async (name) => {
          fc.pre(!/^[0-9a-f]{64}$/.test(name));
          await expect(store.get(name)).rejects.toMatchObject({ code: 'RK_ARTIFACT_INVALID' });
        },
      ),
    );
  });

  it('that is stored lies below the root, and nothing beside it was touched', async () => {
    const { sha256 } = await store.put(Buffer.from('more'), 'text/plain');
    expect(existsSync(join(root, sha256.slice(0, 2), sha256))).toBe(true);
    expect(readdirSync(outer).sort()).toEqual(['root', 'secret']);
    expect(readFileSync(join(outer, 'secret'), 'utf8')).toBe('outside');
  });
});

describe('the URL of the store', () => {
  it.each([
    's3://bucket/%2e%2e%2fb',
    's3://bucket/a%5c..%5cb',
    's3://bucket/%zz',
    's3://bucket/prefix?endpoint=https://key:hidden-secret@minio.example',
    's3://key:hidden-secret@bucket/prefix',
    'file:///',
    'file://host/share',
    'nats:?bucket=a.b',
    'nats:?bucket=*',
  ])('%s is refused, and its secret not told', (url) => {
    expect(() => parseArtifactsUrl(url)).toThrow(
      expect.objectContaining({ code: 'RK_ARTIFACT_INVALID' }) as Error,
    );
    try {
      parseArtifactsUrl(url);
    } catch (error) {
      expect(
        JSON.stringify([(error as Error).message, (error as { details?: unknown }).details]),
      ).not.toContain('hidden-secret');
    }
  });
});
