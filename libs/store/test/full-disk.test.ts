import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { openStore, StoreUnavailableError } from '../src/index.js';

const disk = vi.hoisted(() => {
  const state = { full: false };
  const fs = process.getBuiltinModule('node:fs');
  const write = fs.writeSync as (file: number, bytes: Uint8Array, ...more: number[]) => number;
  const limited = (file: number, bytes: Uint8Array, at = 0): number => {
    if (!state.full) return write(file, bytes, at);
    write(file, bytes.subarray(0, bytes.length >> 1), at);
    throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
  };
  fs.writeSync = limited as typeof fs.writeSync;
  process.getBuiltinModule('node:module').syncBuiltinESMExports();
  return state;
});

vi.mock(import('node:fs/promises'), async (importOriginal) => {
  const real = await importOriginal();
  const noSpace = (): Error =>
    Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
  const writeFile: typeof real.writeFile = async (file, data, options) => {
    await real.writeFile(file, disk.full ? '{' : data, options);
    if (disk.full) throw noSpace();
  };
  return { ...real, writeFile };
});

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'rookery-full-'));
});

afterEach(async () => {
  disk.full = false;
  await rm(directory, { recursive: true, force: true });
});

test('opening on a full disk is refused as retryable and leaves nothing behind, however often it is tried', async () => {
  disk.full = true;
  for (let attempt = 0; attempt < 3; attempt += 1) {
    await expect(openStore({ directory, database: 'd' })).rejects.toThrow(StoreUnavailableError);
  }
  expect(await readdir(join(directory, 'd'))).toEqual([]);
  disk.full = false;
  const store = await openStore({ directory, database: 'd' });
  const collection = await store.collection<{ _id: string }>('c');
  await collection.insertOne({ _id: 'a' });
  expect(await collection.count()).toBe(1);
  await store.close();
});

test('a write that meets a full disk half way is refused as retryable; what was there stays, and the next write works', async () => {
  const store = await openStore({ directory, database: 'd' });
  const collection = await store.collection<{ _id: string; n: number }>('c');
  await collection.insertOne({ _id: 'a', n: 1 });
  disk.full = true;
  await expect(collection.insertOne({ _id: 'b', n: 2 })).rejects.toThrow(StoreUnavailableError);
  await expect(collection.updateOne({ _id: 'a' }, { $set: { n: 3 } })).rejects.toThrow(StoreUnavailableError);
  disk.full = false;
  expect(await collection.find()).toEqual([{ _id: 'a', n: 1 }]);
  await collection.updateOne({ _id: 'a' }, { $set: { n: 4 } });
  await store.close();
  const again = await openStore({ directory, database: 'd' });
  expect(await (await again.collection('c')).find()).toEqual([{ _id: 'a', n: 4 }]);
  await again.close();
});
