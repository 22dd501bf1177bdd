import { readFileSync } from 'node:fs';

import { toRookeryError } from '@rookery/contracts';
import { createTable, inferColumn, profileColumn, tableFromArrow, tableToArrow } from '@rookery/tabular';

import { checkTable } from '../../src/domain/check-table.js';
import type { DatasetFormat } from '../../src/domain/formats/dataset-format.js';
import type { ReadOptions } from '../../src/domain/formats/parsed-table.js';
import { readTable } from '../../src/domain/formats/read-table.js';
import { checkRequest } from '../../src/domain/training-request.js';
import { catsCsv, readOptions, readyOf } from '../fixtures.js';

// Small enough that a table at the limit is read in an instant: what is looked for is what goes past them.
const options = readOptions({
  maxBytes: 32 * 1024 ** 2,
  maxRows: 100_000,
  maxCells: 500_000,
  maxCellBytes: 65_536,
  maxRowBytes: 256 * 1024,
  ignore: new Set(),
});
const request = checkRequest(readyOf());
const sets = checkRequest(readyOf({ target: 'tags' }));

/** One input on the way that a file takes through the service, without fetching and storing. */
async function ingest(
  input: Uint8Array,
  format: DatasetFormat,
  asked = request,
  labelColumn?: ReadOptions['labelColumn'],
): Promise<string> {
  try {
    const { table, dropped } = await readTable(input, format, 'fuzz', { ...options, labelColumn });
    for (const column of table.columns) JSON.stringify(profileColumn(column));
    const again = tableFromArrow(tableToArrow(table));
    if (again.rows !== table.rows || again.columns.length !== table.columns.length)
      throw new Error('the stored table is not the one that was read');
    checkTable(table, asked, dropped);
    return 'ok';
  } catch (error) {
    // As the handler sees it: an error without a code becomes RK_HANDLER_FAILED, which the caller takes for a defect.
    const { code, message } = toRookeryError(error);
    if (code === 'RK_HANDLER_FAILED') throw error;
    if (message.length > 20_000)
      throw new Error(`the message of ${code} has ${message.length} characters`, { cause: error });
    return code;
  }
}

const bytesOf = (text: string): Uint8Array => new Uint8Array(Buffer.from(text));
const file = (path: string): Uint8Array =>
  new Uint8Array(readFileSync(new URL(`../../../../${path}`, import.meta.url)));

const arrowSeeds = (): Uint8Array[] => {
  const texts = Array.from({ length: 40 }, (_, i) => `t${i % 7}`);
  const numbers = texts.map((_, i) => (i % 5 === 0 ? '' : String(i / 3)));
  const flags = texts.map((_, i) => (i % 2 === 0 ? 'true' : 'false'));
  const columns = [inferColumn('kind', texts), inferColumn('x', numbers), inferColumn('f', flags)];
  return [tableToArrow(createTable(columns)), tableToArrow(createTable(columns.slice(0, 1)))];
};

/** What tests/fuzz feeds; the same shape as its ByteTarget, which a service does not import. */
interface Target {
  readonly name: string;
  readonly kind: 'csv' | 'json' | 'binary';
  seeds(): Promise<readonly Uint8Array[]>;
  run(input: Uint8Array): Promise<string>;
}

/** The readers of ingest. */
export const targets: readonly Target[] = [
  {
    name: 'csv reader',
    kind: 'csv',
    seeds: async () => [
      bytesOf(catsCsv),
      bytesOf('kind,b\r\n"x ""y""","1\n2"\r\nz,3\r\n'),
      bytesOf('\ufeffkind;b\nä;1,5\nö;2,5\n'),
      file('data/penguins.csv'),
    ],
    run: (input: Uint8Array) => ingest(input, 'csv'),
  },
  {
    name: 'json lines reader',
    kind: 'json',
    seeds: async () => [
      bytesOf('{"kind":"a","b":1}\n{"kind":"b","b":null,"c":true}\n'),
      bytesOf('{"kind":"a","nested":{"x":[1,2,{"y":3}]}}\n{"kind":"\\ud83d\\udc27"}'),
    ],
    run: (input: Uint8Array) => ingest(input, 'jsonl'),
  },
  {
    name: 'parquet reader',
    kind: 'binary',
    seeds: async () =>
      ['kinds-gzip', 'kinds-snappy', 'kinds-zstd'].map((name) =>
        file(`services/ingest/test/fixtures/${name}.parquet`),
      ),
    run: (input: Uint8Array) => ingest(input, 'parquet'),
  },
  {
    name: 'parquet reader, lists of labels',
    kind: 'binary',
    seeds: async () =>
      ['v1-plain-pages', 'v2-dictionary-zstd', 'v2-deltas'].map((name) =>
        file(`services/ingest/test/fixtures/lists-${name}.parquet`),
      ),
    run: (input: Uint8Array) => ingest(input, 'parquet', sets, { name: 'tags', text: false }),
  },
  {
    name: 'arrow reader',
    kind: 'binary',
    seeds: async () => arrowSeeds(),
    run: (input: Uint8Array) => ingest(input, 'arrow'),
  },
];
