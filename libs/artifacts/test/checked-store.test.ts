import { describe, expect, it } from 'vitest';
import { sha256Of } from '../src/index.js';
import type { Backend } from '../src/backends/backend.js';
import { ByteCache } from '../src/byte-cache.js';
import { CheckedArtifactStore } from '../src/checked-store.js';
import { testBytes } from './contract/artifacts-contract.js';

/** A backend in memory that counts calls and answers only when told to. */
function gatedBackend(contents: Map<string, Uint8Array>): {
  backend: Backend;
  calls: string[];
  open(): void;
} {
  const calls: string[] = [];
  let open = (): void => undefined;
  const gate = new Promise<void>((resolve) => {
    open = resolve;
  });
  const backend: Backend = {
    kind: 'folder',
    where: 'memory',
    spoolDirectory: '/nowhere',
    exists: async (sha256) => contents.has(sha256),
    async write(sha256, bytes) {
      calls.push('write');
      await gate;
      contents.set(sha256, bytes);
    },
    writeFile: async () => undefined,
    async read(sha256) {
      calls.push('read');
      await gate;
      return contents.get(sha256);
    },
    stream: async () => undefined,
    close: async () => undefined,
  };
  return { backend, calls, open };
}

describe('the artifact store', () => {
  it('shares one fetch among concurrent readers, then answers from memory', async () => {
    const bytes = testBytes(1000, 1);
    const { backend, calls, open } = gatedBackend(new Map([[sha256Of(bytes), bytes]]));
    const store = new CheckedArtifactStore(backend, 10_000);
    const reads = Array.from({ length: 20 }, () => store.get(sha256Of(bytes)));
    open();
    for (const read of await Promise.all(reads)) expect(read).toEqual(bytes);
    await store.get(sha256Of(bytes));
    expect(calls).toEqual(['read']);
  });

  it('shares one write among concurrent puts, and the reader of it needs no fetch', async () => {
    const bytes = testBytes(1000, 2);
    const { backend, calls, open } = gatedBackend(new Map());
    const store = new CheckedArtifactStore(backend, 10_000);
    const puts = Array.from({ length: 20 }, () => store.put(bytes, 'a/b'));
    open();
    await Promise.all(puts);
    expect(await store.get(sha256Of(bytes))).toEqual(bytes);
    expect(calls).toEqual(['write']);
  });

  it('asks again after a fetch that failed', async () => {
    const bytes = testBytes(10, 3);
    const contents = new Map<string, Uint8Array>();
    const { backend, calls, open } = gatedBackend(contents);
    open();
    const store = new CheckedArtifactStore(backend, 10_000);
    await expect(store.get(sha256Of(bytes))).rejects.toMatchObject({ code: 'RK_ARTIFACT_NOT_FOUND' });
    contents.set(sha256Of(bytes), bytes);
    expect(await store.get(sha256Of(bytes))).toEqual(bytes);
    expect(calls).toEqual(['read', 'read']);
  });

  it('refuses what is not a media type', async () => {
    const store = new CheckedArtifactStore(gatedBackend(new Map()).backend, 0);
    await expect(store.put(testBytes(1, 1), 'json')).rejects.toMatchObject({ code: 'RK_ARTIFACT_INVALID' });
  });
});

describe('the byte cache', () => {
  it('never holds more than its limit and drops the least recently used first', () => {
    const cache = new ByteCache(100);
    cache.set('a', new Uint8Array(40));
    cache.set('b', new Uint8Array(40));
    cache.get('a');
    cache.set('c', new Uint8Array(40));
    expect([cache.get('a')?.length, cache.get('b'), cache.get('c')?.length]).toEqual([40, undefined, 40]);
    cache.set('a', new Uint8Array(10));
    expect(cache.bytes).toBe(50);
    cache.set('huge', new Uint8Array(101));
    expect(cache.get('huge')).toBeUndefined();
    expect(cache.bytes).toBe(50);
  });
});
