import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFile,
  mkdir,
  mkdtemp,
  readFile,
  rename,
  rm,
  rmdir,
  stat,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { afterEach, beforeAll, beforeEach, afterAll, describe, expect, it } from 'vitest';
import {
  openStore,
  StoreCorruptError,
  StoreLockedError,
  StoreUnavailableError,
  type Store,
} from '../src/index.js';

const database = 'crash';
let built: string;
let directory: string;
let file: string;

beforeAll(async () => {
  // Inside node_modules, where the built file finds the packages it imports.
  const cache = join(import.meta.dirname, '..', '..', '..', 'node_modules', '.cache');
  await mkdir(cache, { recursive: true });
  built = await mkdtemp(join(cache, 'store-test-'));
  await build({
    entryPoints: [join(import.meta.dirname, 'writing-process.ts')],
    outfile: join(built, 'writer.mjs'),
    bundle: true,
    platform: 'node',
    format: 'esm',
    packages: 'external',
    logLevel: 'error',
  });
});
afterAll(() => rm(built, { recursive: true }));
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'store-'));
  file = join(directory, database, 'docs.db');
});
afterEach(() => rm(directory, { recursive: true }));

const open = (): Promise<Store> => openStore({ directory, database });

async function idsAfterReopening(): Promise<string[]> {
  const store = await open();
  const docs = await store.collection<{ _id: string; n: number }>('docs');
  const ids = (await docs.find()).map((doc) => doc._id);
  await docs.insertOne({ _id: 'zz-after', n: 0 });
  await store.close();
  const again = await open();
  const second = (await (await again.collection('docs')).find()).map((doc) => doc._id);
  await again.close();
  expect(second).toEqual([...ids, 'zz-after']);
  return ids;
}

async function fill(count: number): Promise<void> {
  const store = await open();
  const docs = await store.collection<{ _id: string; text: string }>('docs');
  for (let i = 0; i < count; i++) await docs.insertOne({ _id: `d${i}`, text: 'ü'.repeat(20) });
  await store.close();
}

/** Starts the writing process; `after` acknowledged writes of the kind given it is killed. */
async function killWhileWriting(kind: string, after: number): Promise<string[]> {
  const child = spawn(process.execPath, [join(built, 'writer.mjs'), directory, database, kind], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  const acknowledged: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    acknowledged.push(line);
    if (acknowledged.length === after) child.kill('SIGKILL');
  }
  expect((await exited)[1]).toBe('SIGKILL');
  return acknowledged;
}

describe('the embedded store', () => {
  it.each([1, 2, 40])(
    'keeps %i documents when the last line of a further write is torn, at any byte',
    async (count) => {
      await fill(count);
      const whole = await readFile(file);
      const torn = Buffer.from(`{"_id":"torn","text":"${'ü'.repeat(20)}"}\n`);
      for (let cut = 1; cut < torn.length; cut += 3) {
        await writeFile(file, Buffer.concat([whole, torn.subarray(0, cut)]));
        expect(await idsAfterReopening()).toHaveLength(count);
      }
    },
  );

  it('opens a file whose only line is torn, or of zeros left by a power cut', async () => {
    await fill(1);
    await truncate(file, 20);
    expect(await idsAfterReopening()).toEqual([]);
    await rm(file);
    await fill(1);
    await appendFile(file, Buffer.alloc(70_000));
    expect(await idsAfterReopening()).toContain('d0');
  });

  it('refuses a file damaged before its end and leaves it as it is', async () => {
    await fill(30);
    const whole = await readFile(file, 'utf8');
    const damaged = whole.replace('"_id":"d7"', '"_id":"d7');
    await writeFile(file, damaged);
    const store = await open();
    await expect(store.collection('docs')).rejects.toThrow(StoreCorruptError);
    await expect(store.collection('docs')).rejects.toMatchObject({ code: 'RK_STORE_CORRUPT' });
    await store.close();
    expect(await readFile(file, 'utf8')).toBe(damaged);
  });

  it.each([
    ['insert', 1],
    ['insert', 300],
    ['large', 5],
    ['many', 4],
  ])('keeps every acknowledged write (%s) of a process killed while writing', async (kind, after) => {
    const acknowledged = await killWhileWriting(kind, after);
    expect(acknowledged.length).toBeGreaterThanOrEqual(after);
    const ids = new Set(await idsAfterReopening());
    expect(acknowledged.filter((id) => !ids.has(id))).toEqual([]);
  });

  it('keeps the last acknowledged state of a document updated until the kill, compactions included', async () => {
    const acknowledged = await killWhileWriting('update', 400);
    const store = await open();
    const doc = await (await store.collection<{ _id: string; n: number }>('docs')).findOne({ _id: 'one' });
    await store.close();
    expect(doc?.n).toBeGreaterThanOrEqual(Number(acknowledged.at(-1)));
  });

  it('stays small when one document is changed many times', async () => {
    const store = await open();
    const docs = await store.collection<{ _id: string; n: number; body: string }>('docs');
    await docs.insertOne({ _id: 'a', n: 0, body: 'x'.repeat(50_000) });
    for (let i = 0; i < 250; i++) await docs.updateOne({ _id: 'a' }, { $inc: { n: 1 } });
    await store.close();
    expect((await stat(file)).size).toBeLessThan(6_000_000);
    const again = await open();
    expect(
      (await (await again.collection<{ _id: string; n: number }>('docs')).findOne({ _id: 'a' }))?.n,
    ).toBe(250);
    await again.close();
  });

  it('is refused to a second process and to a second opening, naming the owner, until it is closed', async () => {
    const store = await open();
    await expect(open()).rejects.toThrow(StoreLockedError);
    await expect(open()).rejects.toMatchObject({
      code: 'RK_STORE_LOCKED',
      details: { pid: String(process.pid) },
    });
    const child = spawn(process.execPath, [join(built, 'writer.mjs'), directory, database, 'insert'], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let errors = '';
    child.stderr.on('data', (text: Buffer) => (errors += text.toString()));
    expect(await once(child, 'close')).toEqual([1, null]);
    expect(errors).toContain(`pid ${process.pid}`);
    await store.close();
    await (await open()).close();
  });

  it('of a dead process is taken over by one only, however many try at once', async () => {
    await killWhileWriting('insert', 1);
    for (let round = 0; round < 10; round++) {
      const results = await Promise.allSettled(Array.from({ length: 6 }, open));
      const opened = results.filter((result) => result.status === 'fulfilled');
      const refused = results.filter((result) => result.status === 'rejected');
      expect(opened.length).toBeLessThanOrEqual(1);
      for (const { reason } of refused) expect(reason).toBeInstanceOf(StoreLockedError);
      for (const { value } of opened) await value.close();
      await (await open()).close();
    }
  });

  it('takes over a lock whose pid now belongs to another process, or that is no lock at all', async () => {
    await fill(1);
    const lock = join(directory, database, 'store.lock.x');
    for (const text of [JSON.stringify({ pid: 1, started: '1', host: hostname(), token: 't' }), '', '{"pi']) {
      await writeFile(lock, text);
      await (await open()).close();
    }
  });

  it('recovers from a write that failed: nothing acknowledged is lost and later writes succeed', async () => {
    const store = await open();
    const docs = await store.collection<{ _id: string }>('docs');
    await docs.insertOne({ _id: 'a' });
    const aside = `${file}.aside`;
    await rename(file, aside);
    await mkdir(file);
    await expect(docs.insertOne({ _id: 'b' })).rejects.toThrow(StoreUnavailableError);
    await expect(docs.findOne({ _id: 'a' })).rejects.toThrow(StoreUnavailableError);
    await rmdir(file);
    await rename(aside, file);
    expect(await docs.find()).toEqual([{ _id: 'a' }]);
    await docs.insertOne({ _id: 'b' });
    expect(await docs.count()).toBe(2);
    await store.close();
    await expect(docs.count()).rejects.toThrow(StoreUnavailableError);
    await expect(store.ping()).rejects.toThrow(StoreUnavailableError);
  });

  it('never loads the MongoDB driver', async () => {
    const probe = await promisify(execFile)(process.execPath, [
      join(built, 'writer.mjs'),
      directory,
      database,
      'modules',
    ]);
    expect(JSON.parse(probe.stdout)).toEqual([]);
  });
});
