/** What every artifact store guarantees; runs against each adapter. */
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  ArtifactCorruptError,
  ArtifactInvalidError,
  ArtifactNotFoundError,
  sha256Of,
  type ArtifactStore,
} from '../../src/index.js';

export interface ContractFixture {
  /** Another store over the same place, with an empty cache. */
  open(cacheBytes?: number): Promise<ArtifactStore>;
  /** Replaces what is stored under the checksum, behind the store's back. */
  damage(sha256: string, bytes: Uint8Array): Promise<void>;
  /** How many copies of content are stored in all. */
  stored(): Promise<number>;
  dispose(): Promise<void>;
}

const absent = '0'.repeat(64);

/** Bytes that look random and are the same in every run. */
export function testBytes(length: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let state = seed + 1;
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}

export function artifactsContract(adapter: string, start: () => Promise<ContractFixture>): void {
  describe(`the artifact store contract on ${adapter}`, () => {
    let fixture: ContractFixture;
    beforeAll(async () => {
      fixture = await start();
    });
    afterAll(async () => fixture.dispose());

    it.each([0, 1, 10_000, 512 * 1024, 512 * 1024 + 1, 3_000_000])(
      'returns the %i bytes that were put',
      async (size) => {
        const bytes = testBytes(size, size);
        const ref = await (await fixture.open()).put(bytes, 'application/octet-stream');
        expect(ref).toEqual({ sha256: sha256Of(bytes), bytes: size, mediaType: 'application/octet-stream' });
        const reader = await fixture.open();
        expect(await reader.has(ref.sha256)).toBe(true);
        expect(Buffer.compare(await reader.get(ref.sha256), bytes)).toBe(0);
        expect(Buffer.compare(await collect(await reader.openRead(ref.sha256)), bytes)).toBe(0);
      },
    );

    it('stores the same bytes once and gives the same reference', async () => {
      const bytes = testBytes(20_000, 1);
      const store = await fixture.open();
      const first = await store.put(bytes, 'text/csv');
      const before = await fixture.stored();
      expect(await store.put(bytes, 'text/csv')).toEqual(first);
      expect(await (await fixture.open()).put(bytes, 'text/csv')).toEqual(first);
      expect(await (await fixture.open()).putStream(pieces(bytes, 1000), 'text/csv')).toEqual(first);
      expect(await fixture.stored()).toBe(before);
    });

    it('survives many writers and readers of the same artifact at once, and keeps it once', async () => {
      const bytes = testBytes(1_200_000, 2);
      const sha256 = sha256Of(bytes);
      const before = await fixture.stored();
      const results = await Promise.all(
        Array.from({ length: 8 }, async (_, i) => {
          const store = await fixture.open();
          await (i % 2 === 0 ? store.put(bytes, 'a/b') : store.putStream(pieces(bytes, 65_536), 'a/b'));
          return (await fixture.open(0)).get(sha256);
        }),
      );
      for (const result of results) expect(sha256Of(result)).toBe(sha256);
      expect(await fixture.stored()).toBe(before + 1);
    });

    it('stores a stream without holding it in memory', async () => {
      const size = 48 * 1024 * 1024;
      const piece = testBytes(256 * 1024, 3);
      const hash = createHash('sha256');
      const store = await fixture.open();
      const ref = await store.putStream(
        (async function* () {
          for (let sent = 0; sent < size; sent += piece.length) {
            hash.update(piece);
            yield piece;
          }
        })(),
        'application/octet-stream',
      );
      expect(ref).toEqual({ sha256: hash.digest('hex'), bytes: size, mediaType: 'application/octet-stream' });
      let read = 0;
      let largest = 0;
      for await (const chunk of await store.openRead(ref.sha256)) {
        read += chunk.byteLength;
        largest = Math.max(largest, chunk.byteLength);
      }
      expect(read).toBe(size);
      expect(largest).toBeLessThanOrEqual(1024 * 1024);
    });

    it('leaves nothing behind when a stream fails half way', async () => {
      const before = await fixture.stored();
      const failing = (async function* () {
        yield testBytes(5000, 4);
        throw new Error('source broke');
      })();
      await expect((await fixture.open()).putStream(failing, 'a/b')).rejects.toThrow('source broke');
      expect(await fixture.stored()).toBe(before);
    });

    it('lets a reader stop early', async () => {
      const ref = await (await fixture.open()).put(testBytes(2_000_000, 5), 'a/b');
      const store = await fixture.open();
      for await (const chunk of await store.openRead(ref.sha256)) {
        expect(chunk.byteLength).toBeGreaterThan(0);
        break;
      }
      expect((await store.get(ref.sha256)).byteLength).toBe(2_000_000);
    });

    it('says so where nothing is stored', async () => {
      const store = await fixture.open();
      expect(await store.has(absent)).toBe(false);
      for (const read of [() => store.get(absent), () => store.openRead(absent)]) {
        const failed = read();
        await expect(failed).rejects.toThrow(ArtifactNotFoundError);
        await expect(failed).rejects.toMatchObject({
          code: 'RK_ARTIFACT_NOT_FOUND',
          details: { sha256: absent },
        });
      }
    });

    it('finds what another store has put after it looked in vain', async () => {
      const bytes = testBytes(100, 6);
      const reader = await fixture.open();
      await expect(reader.get(sha256Of(bytes))).rejects.toThrow(ArtifactNotFoundError);
      await (await fixture.open()).put(bytes, 'a/b');
      expect(await reader.get(sha256Of(bytes))).toHaveLength(100);
    });

    it.each([
      ['small', 300],
      ['of several chunks', 1_500_000],
    ])('never hands out damaged content: %s', async (_, size) => {
      const ref = await (await fixture.open()).put(testBytes(size, 7), 'a/b');
      await fixture.damage(ref.sha256, testBytes(size, 8));
      const reader = await fixture.open();
      const whole = reader.get(ref.sha256);
      await expect(whole).rejects.toThrow(ArtifactCorruptError);
      await expect(whole).rejects.toMatchObject({
        code: 'RK_ARTIFACT_CORRUPT',
        details: { sha256: ref.sha256 },
      });
      await expect(reader.openRead(ref.sha256).then(collect)).rejects.toThrow(ArtifactCorruptError);
    });

    it.each([
      '',
      'abc',
      '../../etc/passwd',
      `${'0'.repeat(63)}G`,
      'A'.repeat(64),
      `${absent}\n`,
      `../${absent}`,
    ])('refuses %j as a checksum', async (text) => {
      const store = await fixture.open();
      await expect(store.get(text)).rejects.toThrow(ArtifactInvalidError);
      await expect(store.has(text)).rejects.toThrow(ArtifactInvalidError);
      await expect(store.openRead(text)).rejects.toThrow(ArtifactInvalidError);
    });

    it('is not affected by a caller changing its buffer after put', async () => {
      const bytes = testBytes(1000, 9);
      const sha256 = sha256Of(bytes);
      const store = await fixture.open();
      const put = store.put(bytes, 'a/b');
      bytes.fill(0);
      expect((await put).sha256).toBe(sha256);
      expect(sha256Of(await store.get(sha256))).toBe(sha256);
      expect(sha256Of(await (await fixture.open()).get(sha256))).toBe(sha256);
    });
  });
}

async function* pieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function collect(source: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of source) chunks.push(chunk);
  return Buffer.concat(chunks);
}
