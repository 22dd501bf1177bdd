import { TerminalError } from '@rookery/contracts';

/** Formats that a data set may come in. */
export type DatasetFormat = 'csv' | 'jsonl' | 'parquet' | 'arrow';

const formats: readonly DatasetFormat[] = ['csv', 'jsonl', 'parquet', 'arrow'];

const endings: ReadonlyMap<string, DatasetFormat> = new Map([
  ['csv', 'csv'],
  ['tsv', 'csv'],
  ['txt', 'csv'],
  ['jsonl', 'jsonl'],
  ['ndjson', 'jsonl'],
  ['json', 'jsonl'],
  ['parquet', 'parquet'],
  ['pq', 'parquet'],
  ['arrow', 'arrow'],
  ['arrows', 'arrow'],
  ['feather', 'arrow'],
  ['ipc', 'arrow'],
]);

/** The format of the word in an event; undefined where it is empty. Throws RK_DATASET_FORMAT for any other word. */
export function formatOfWord(word: string): DatasetFormat | undefined {
  if (word === '') return undefined;
  const found = formats.find((format) => format === word.toLowerCase());
  if (found === undefined) {
    throw new TerminalError(
      'RK_DATASET_FORMAT',
      `The format ${JSON.stringify(word.slice(0, 80))} is unknown`,
      {
        details: { field: 'format', value: word.slice(0, 80), known: formats.join(', ') },
      },
    );
  }
  return found;
}

/** The format that the ending of a uri or file name stands for; a query or fragment does not count. */
export function formatOfEnding(uri: string): DatasetFormat | undefined {
  const ending = endingOf(uri);
  return ending === undefined ? undefined : endings.get(ending);
}

/** Whether the ending says that cells are separated by tabs. */
export function isTabSeparated(uri: string): boolean {
  return endingOf(uri) === 'tsv';
}

function endingOf(uri: string): string | undefined {
  return /\.([A-Za-z0-9]+)(?:[?#].*)?$/.exec(uri)?.[1]?.toLowerCase();
}

/** The format of a binary file by its first bytes (PAR1; ARROW1 or a stream's continuation marker), if it is one. */
export function formatOfMagic(head: Uint8Array): DatasetFormat | undefined {
  const text = String.fromCharCode(...head.subarray(0, 6));
  if (text.startsWith('PAR1')) return 'parquet';
  if (text === 'ARROW1') return 'arrow';
  if (head.length >= 8 && head[0] === 0xff && head[1] === 0xff && head[2] === 0xff && head[3] === 0xff)
    return 'arrow';
  return undefined;
}

/**
 * The format by the first bytes: the magic of Parquet and Arrow, `{` or `[` behind white space for JSON Lines,
 * CSV else.
 */
export function sniffFormat(head: Uint8Array): DatasetFormat {
  const magic = formatOfMagic(head);
  if (magic !== undefined) return magic;
  let at = head[0] === 0xef && head[1] === 0xbb && head[2] === 0xbf ? 3 : 0;
  while (at < head.length && [0x20, 0x09, 0x0a, 0x0d].includes(head[at]!)) at++;
  return head[at] === 0x7b || head[at] === 0x5b ? 'jsonl' : 'csv';
}
