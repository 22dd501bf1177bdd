import { createHash } from 'node:crypto';

import { TerminalError } from '@rookery/contracts';

import { tooManyColumns } from '../domain/csv/csv-scan.js';
import { createHeaderGuard } from '../domain/csv/delimiter.js';
import { formatOfEnding, isTabSeparated, sniffFormat } from '../domain/formats/dataset-format.js';
import type { DatasetFormat } from '../domain/formats/dataset-format.js';
import type { TableLimits } from '../domain/formats/table-limits.js';
import type { OpenedSource } from './ports.js';

/** Limits of what is taken in. */
export interface DatasetLimits extends TableLimits {
  readonly maxBytes: number;
}

/** A source read to its end. */
export interface ReadSource {
  readonly bytes: Uint8Array;
  /** Lower-case hexadecimal. */
  readonly sha256: string;
  readonly format: DatasetFormat;
}

/** How a source is to be read. */
export interface ReadSourceOptions extends Pick<DatasetLimits, 'maxBytes' | 'maxColumns'> {
  readonly uri: string;
  /** Given by the event; else by the ending of the uri, else by the first bytes. */
  readonly format: DatasetFormat | undefined;
  /** Expected; lower-case. */
  readonly sha256: string | undefined;
}

/** A size that a source gives is a claim: no more is set aside for it before its bytes are here. */
const MOST_AHEAD = 64 * 1024 * 1024;
/** Where so much of it is here, the whole of what it claims may be set aside, up to so many times as much. */
const MOST_FACTOR = 4;
/** Offsets into a file are 32 bits wide. */
const MOST_BYTES = 2 ** 32 - 2;

/**
 * Reads a source to its end, with its sha256. Ends early, without reading on, where it grows beyond the limit
 * (RK_DATASET_TOO_LARGE) or where the header of a CSV file has too many columns (RK_DATASET_TOO_MANY_COLUMNS). Throws
 * RK_DATASET_EMPTY for no bytes and RK_DATASET_CHECKSUM where another sha256 was expected.
 */
export async function readSource(source: OpenedSource, options: ReadSourceOptions): Promise<ReadSource> {
  const maxBytes = Math.min(options.maxBytes, MOST_BYTES);
  if (source.bytes !== undefined && source.bytes > maxBytes)
    throw tooLarge(options.uri, maxBytes, source.bytes);
  const hash = createHash('sha256');
  let format = options.format ?? formatOfEnding(options.uri);
  let tooWide: ((chunk: Uint8Array) => boolean) | undefined;
  let buffer = Buffer.allocUnsafeSlow(Math.min(MOST_AHEAD, Math.max(1024, source.bytes ?? 65_536)));
  let length = 0;
  for await (const chunk of source.chunks) {
    if (chunk.length === 0) continue;
    if (length + chunk.length > maxBytes) throw tooLarge(options.uri, maxBytes);
    if (tooWide === undefined) {
      format ??= sniffFormat(chunk);
      tooWide =
        format === 'csv'
          ? createHeaderGuard(options.maxColumns, isTabSeparated(options.uri))
          : (): boolean => false;
    }
    if (tooWide(chunk)) throw tooManyColumns(options.maxColumns);
    hash.update(chunk);
    if (length + chunk.length > buffer.length) {
      const grown = Buffer.allocUnsafeSlow(
        Math.min(maxBytes, Math.max(roomAfter(buffer.length, source.bytes), length + chunk.length)),
      );
      buffer.copy(grown, 0, 0, length);
      buffer = grown;
    }
    buffer.set(chunk, length);
    length += chunk.length;
  }
  if (length === 0) {
    throw new TerminalError('RK_DATASET_EMPTY', `${shortUri(options.uri)} is empty: it has 0 bytes`, {
      details: { uri: shortUri(options.uri) },
    });
  }
  const sha256 = hash.digest('hex');
  if (options.sha256 !== undefined && options.sha256 !== sha256)
    throw checksumMismatch(options.sha256, sha256);
  return { bytes: buffer.subarray(0, length), sha256, format: format ?? 'csv' };
}

/** Room for a file that has filled what it had: twice as much, or all that it claims where that is not much more. */
function roomAfter(length: number, claimed = 0): number {
  return claimed > length && claimed <= MOST_FACTOR * length ? claimed : 2 * length;
}

/** RK_DATASET_CHECKSUM, with both sums. */
export function checksumMismatch(expected: string, actual: string): TerminalError {
  return new TerminalError('RK_DATASET_CHECKSUM', `The file has the sha256 ${actual}, not ${expected}`, {
    details: { expected, actual },
  });
}

/** RK_DATASET_TOO_LARGE, with the limit and the size where it is known. */
export function tooLarge(uri: string, limit: number, bytes?: number): TerminalError {
  const size = bytes === undefined ? 'more' : `${bytes} bytes, more`;
  return new TerminalError(
    'RK_DATASET_TOO_LARGE',
    `${shortUri(uri)} has ${size} than the limit of ${limit} bytes`,
    {
      details: { limit: String(limit), ...(bytes === undefined ? {} : { bytes: String(bytes) }) },
    },
  );
}

/** A uri for messages: without credentials or query, and not endless. */
export function shortUri(uri: string): string {
  const bare = uri.replace(/^([a-z]+:\/\/)[^/@]*@/i, '$1').replace(/[?#].*$/s, '');
  return bare.length > 200 ? `${bare.slice(0, 200)}…` : bare;
}
