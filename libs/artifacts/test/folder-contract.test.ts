import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openArtifacts } from '../src/index.js';
import { artifactsContract, testBytes } from './contract/artifacts-contract.js';

async function files(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

artifactsContract('a folder', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'artifacts-'));
  const root = join(directory, 'a folder');
  return {
    open: (cacheBytes) => openArtifacts({ url: pathToFileURL(root).href, cacheBytes }),
    damage: (sha256, bytes) => writeFile(join(root, sha256.slice(0, 2), sha256), bytes),
    stored: async () => (await files(root)).length,
    dispose: () => rm(directory, { recursive: true }),
  };
});

describe('a folder', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'artifacts-'));
  });
  afterEach(() => rm(directory, { recursive: true }));

  it('is made where it is missing, at the first write', async () => {
    const root = join(directory, 'x', 'y');
    const store = await openArtifacts({ url: pathToFileURL(root).href });
    expect(await store.has('0'.repeat(64))).toBe(false);
    await store.put(testBytes(10, 1), 'a/b');
    expect((await stat(root)).isDirectory()).toBe(true);
  });

  it('that is a file is unavailable, and says where', async () => {
    const file = join(directory, 'file');
    await writeFile(file, 'x');
    const store = await openArtifacts({ url: pathToFileURL(file).href });
    const failed = store.put(testBytes(10, 1), 'a/b');
    await expect(failed).rejects.toMatchObject({ code: 'RK_ARTIFACT_UNAVAILABLE' });
    await expect(failed).rejects.toThrow(file);
  });
});
