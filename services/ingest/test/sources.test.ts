import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';

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
