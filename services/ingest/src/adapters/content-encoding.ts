import { pipeline } from 'node:stream/promises';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';

import { TerminalError } from '@rookery/contracts';

import { createUnpackGuard } from '../domain/unpack-guard.js';

type Bytes = AsyncIterable<Uint8Array>;

const decoders = {
  gzip: createGunzip,
  'x-gzip': createGunzip,
  deflate: createInflate,
  br: createBrotliDecompress,
} as const;

/**
 * What undoes a Content-Encoding. Throws RK_DATASET_FORMAT for one that is not read (or for several). The content throws
 * RK_DATASET_MALFORMED where the bytes are not of the encoding, and RK_DATASET_TOO_LARGE as soon as it is more than
 * `maxRatio` times its packed form: the size itself is bounded by whoever reads.
 */
export function decoderOf(encoding: string, maxRatio: number): (body: Bytes) => Bytes {
  const name = encoding.trim().toLowerCase();
  if (name === '' || name === 'identity') return (body) => body;
  if (!Object.hasOwn(decoders, name)) {
    throw new TerminalError(
      'RK_DATASET_FORMAT',
      `The answer has the encoding ${JSON.stringify(name.slice(0, 40))}`,
      {
        details: { field: 'content-encoding', value: name.slice(0, 40), known: 'gzip, deflate, br' },
        hint: 'Let the server send the file as it is, or with gzip.',
      },
    );
  }
  return (body) => unpacked(body, name as keyof typeof decoders, maxRatio);
}

async function* unpacked(
  body: Bytes,
  name: keyof typeof decoders,
  maxRatio: number,
): AsyncGenerator<Uint8Array> {
  const decoder = decoders[name]();
  const guard = createUnpackGuard(maxRatio);
  const counted = async function* (): AsyncGenerator<Uint8Array> {
    for await (const chunk of body) {
      guard.packed(chunk.length);
      yield chunk;
    }
  };
  const stop = new AbortController();
  const flow = pipeline(counted, decoder, { signal: stop.signal }).then(
    () => undefined,
    (error: Error) => error,
  );
  try {
    for await (const chunk of decoder as AsyncIterable<Uint8Array>) {
      guard.unpacked(chunk.length);
      yield chunk;
    }
    const failure = await flow;
    if (failure !== undefined) throw failure;
  } catch (error) {
    const code = (error as { code?: unknown }).code;
    if (typeof code !== 'string' || !/^(Z_|ERR_+ERROR_|ERR_BROTLI|ERR_PADDING)/.test(code)) throw error;
    throw new TerminalError(
      'RK_DATASET_MALFORMED',
      `The answer is not what its encoding ${name} says (${code})`,
      {
        details: { field: 'content-encoding', value: name },
        hint: 'Mend the server, or let it send the file as it is.',
        cause: error,
      },
    );
  } finally {
    stop.abort();
    await flow;
  }
}
