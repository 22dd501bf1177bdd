import { DatasetReady } from '@rookery/proto/rookery/events/v1/dataset';
import { DEFAULT_MISSING_TOKENS } from '@rookery/tabular';

import type { OpenedSource } from '../src/application/ports.js';
import type { ReadOptions } from '../src/domain/formats/parsed-table.js';

/** Bytes of a text. */
export const bytesOf = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'utf8'));

/** Options of a reader, with defaults. */
export function readOptions(changes: Partial<ReadOptions> = {}): ReadOptions {
  return {
    missingTokens: DEFAULT_MISSING_TOKENS,
    columnTypes: {},
    ignore: new Set(),
    maxColumns: 2000,
    maxRows: 20_000_000,
    maxCells: 200_000_000,
    maxRowBytes: 16 * 1024 ** 2,
    maxCellBytes: 1024 ** 2,
    maxUnpackRatio: 200,
    maxBytes: 1024 ** 3,
    pause: async () => {},
    ...changes,
  };
}

/** A request for a data set, with defaults. */
export function readyOf(changes: Partial<DatasetReady> = {}): DatasetReady {
  return DatasetReady.fromPartial({ name: 'cats', uri: 'file:///cats.csv', target: 'kind', ...changes });
}

/** A small data set of two classes with 6 rows each. */
export const catsCsv = [
  'kind,weight,colour',
  ...Array.from({ length: 12 }, (_, i) => `${i % 2 ? 'a' : 'b'},${i}.5,${i % 3 ? 'red' : 'grey'}`),
].join('\n');

/** All that a source gives, as text. */
export async function textOf(source: OpenedSource): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of source.chunks) chunks.push(Uint8Array.from(chunk));
  return Buffer.concat(chunks).toString();
}
