import type { ColumnMetaData, Compressors, SchemaElement } from 'hyparquet';
import { parquetHeader } from 'hyparquet/src/column.js';
import { deltaBinaryUnpack } from 'hyparquet/src/delta.js';

import { listLevelCheck, readLevels } from './list-levels.js';
import type { ListLevels } from './list-levels.js';
import { walkDeltas, walkRuns } from './page-runs.js';
import { endOfThrift } from './thrift-frame.js';

/** What is known of a column chunk. */
export interface ColumnChunk {
  readonly meta: ColumnMetaData;
  readonly element: SchemaElement;
  /** Rows of its row group. */
  readonly rows: number;
  /** Of a column of lists, of which `element` is an item. */
  readonly list?: ListLevels;
}

/** Bytes that pages may still unpack to. */
export interface UnpackBudget {
  left: number;
}

/** Bytes that an item of a list takes at least when it is unpacked: its levels, its place, its share of a list. */
const bytesOfItem = 16;

/**
 * Walks the pages of a flat column, or one of lists, before they are decoded: sizes within the file and the budget, values (or lists) no
 * more than the rows that are due, runs no longer than their page, levels that lists can have. Throws an Error that says what is wrong. What the pages declare
 * is a claim, and the library sets memory aside, and counts, by these claims.
 */
export function checkPages(
  bytes: Uint8Array,
  { meta, element, rows, list }: ColumnChunk,
  compressors: Compressors,
  budget: UnpackBudget,
): void {
  const start = Number(meta.dictionary_page_offset || meta.data_page_offset);
  const length = Number(meta.total_compressed_size);
  if (!(start >= 4 && length >= 0 && start + length <= bytes.length))
    throw new Error('its pages lie outside the file');
  const view = new DataView(bytes.buffer, bytes.byteOffset + start, length);
  const reader = { view, offset: 0 };
  let seen = 0;
  const lists = list && { levels: list, check: listLevelCheck(list, rows) };
  // All pages of lists are read: the last list may go on in the next one.
  while ((lists !== undefined || seen < rows) && reader.offset < length - 1) {
    endOfThrift(view, reader.offset, length);
    const header = parquetHeader(reader);
    const packed = whole(
      header.compressed_page_size,
      length - reader.offset,
      'page is longer than its column',
    );
    const unpacked = whole(
      header.uncompressed_page_size,
      budget.left,
      'page unpacks to more than is allowed',
    );
    budget.left -= unpacked;
    const page = new Uint8Array(view.buffer, view.byteOffset + reader.offset, packed);
    reader.offset += packed;
    const unpack = (input: Uint8Array, size: number): DataView => {
      const content = meta.codec === 'UNCOMPRESSED' ? input : compressors[meta.codec]?.(input, size);
      if (content?.length !== size) throw new Error('a page does not unpack to the size that it gives');
      return new DataView(content.buffer, content.byteOffset, content.byteLength);
    };
    const v1 = header.data_page_header;
    const v2 = header.data_page_header_v2;
    if (header.type === 'DICTIONARY_PAGE') {
      // The shortest values are bits.
      whole(
        header.dictionary_page_header?.num_values,
        unpacked * 8,
        'dictionary claims more values than it has bits',
      );
    } else if (lists !== undefined && header.type === 'DATA_PAGE' && v1 !== undefined) {
      if (v1.definition_level_encoding !== 'RLE' || v1.repetition_level_encoding !== 'RLE')
        throw new Error('its levels are not run-length encoded');
      const count = itemsOf(v1.num_values, budget);
      const view = unpack(page, unpacked);
      const repetitions = levelsOfV1(view, 0, 1, count);
      const definitions = levelsOfV1(view, repetitions.end, widthOf(lists.levels), count);
      const { values } = lists.check.page(repetitions.levels, definitions.levels);
      checkValues(view, definitions.end, values, v1.encoding, element, budget);
    } else if (lists !== undefined && header.type === 'DATA_PAGE_V2' && v2 !== undefined) {
      const count = itemsOf(v2.num_values, budget);
      const start = whole(v2.repetition_levels_byte_length, packed, 'page has levels beyond its end');
      const levels =
        start + whole(v2.definition_levels_byte_length, packed - start, 'page has levels beyond its end');
      const repetitions = readLevels(viewOf(page), 0, start, 1, count);
      const definitions = readLevels(viewOf(page), start, levels, widthOf(lists.levels), count);
      const found = lists.check.page(repetitions, definitions);
      if (v2.num_rows !== found.rows || v2.num_nulls !== count - found.values)
        throw new Error('a page has other lists than it claims');
      const size = whole(unpacked - levels, unpacked, 'page has levels beyond its end');
      const content = page.subarray(levels);
      const view = v2.is_compressed === false ? viewOf(content) : unpack(content, size);
      checkValues(view, 0, found.values, v2.encoding, element, budget);
    } else if (header.type === 'DATA_PAGE' && v1 !== undefined) {
      const count = whole(v1.num_values, rows - seen, 'page has more values than rows are due');
      checkV1(unpack(page, unpacked), count, v1.encoding, element, budget);
      seen += count;
    } else if (header.type === 'DATA_PAGE_V2' && v2 !== undefined) {
      const count = whole(v2.num_values, rows - seen, 'page has more values than rows are due');
      const nulls = whole(v2.num_nulls, count, 'page has more nulls than values');
      const levels = whole(v2.definition_levels_byte_length, packed, 'page has levels beyond its end');
      if (v2.repetition_levels_byte_length !== 0) throw new Error('a flat column has repetition levels');
      if (optional(element)) walkRuns(viewOf(page), 0, 1, count);
      const content = page.subarray(levels);
      const size = whole(unpacked - levels, unpacked, 'page has levels beyond its end');
      const values = v2.is_compressed === false ? viewOf(content) : unpack(content, size);
      checkValues(values, 0, count - nulls, v2.encoding, element, budget);
      seen += count;
    }
  }
  lists?.check.end();
}

/** Entries of a page of lists, of which memory is taken for each. */
function itemsOf(claimed: unknown, budget: UnpackBudget): number {
  const count = whole(claimed, Math.floor(budget.left / bytesOfItem), 'page has more items than is allowed');
  if (count === 0) throw new Error('a page of lists holds nothing');
  budget.left -= count * bytesOfItem;
  return count;
}

function levelsOfV1(
  view: DataView,
  at: number,
  width: number,
  count: number,
): { readonly levels: Uint8Array; readonly end: number } {
  const length = whole(
    at + 4 <= view.byteLength ? view.getUint32(at, true) : undefined,
    view.byteLength - at - 4,
    'page has levels beyond its end',
  );
  const end = at + 4 + length;
  return { levels: readLevels(view, at + 4, end, width, count), end };
}

/** Bits of a definition level. */
function widthOf({ value }: ListLevels): number {
  return value > 1 ? 2 : 1;
}

function checkV1(
  view: DataView,
  count: number,
  encoding: string | undefined,
  element: SchemaElement,
  budget: UnpackBudget,
): void {
  if (!optional(element)) {
    checkValues(view, 0, count, encoding, element, budget);
    return;
  }
  if (count === 0) return;
  const levels = view.getUint32(0, true);
  if (levels > view.byteLength - 4) throw new Error('a page has levels beyond its end');
  const { ones } = walkRuns(view, 4, 1, count);
  checkValues(view, 4 + levels, ones, encoding, element, budget);
}

function checkValues(
  view: DataView,
  at: number,
  count: number,
  encoding: string | undefined,
  { type }: SchemaElement,
  budget: UnpackBudget,
): void {
  if (count === 0) return;
  if (encoding === 'PLAIN_DICTIONARY' || encoding === 'RLE_DICTIONARY' || encoding === 'RLE') {
    if (type === 'BOOLEAN') walkRuns(view, at + 4, 1, count);
    else {
      const width = view.getUint8(at);
      if (width > 32) throw new Error('its dictionary indices are too wide');
      if (width > 0) walkRuns(view, at + 1, width, count);
    }
  } else if (encoding === 'DELTA_BINARY_PACKED') walkDeltas(view, at, count);
  else if (encoding === 'DELTA_LENGTH_BYTE_ARRAY') walkDeltas(view, at, count);
  else if (encoding === 'DELTA_BYTE_ARRAY') {
    // Each text may begin with all of the one before: a short page can stand for endless ones.
    const reader = { view, offset: at };
    for (const what of ['prefixes', 'suffixes']) {
      walkDeltas(view, reader.offset, count);
      const lengths = new Int32Array(count);
      deltaBinaryUnpack(reader, count, lengths);
      for (const length of lengths) {
        if (length < 0 || length > budget.left) throw new Error(`its ${what} are longer than is allowed`);
        budget.left -= length;
      }
    }
  }
}

function optional(element: SchemaElement): boolean {
  return element.repetition_type !== 'REQUIRED';
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function whole(value: unknown, most: number, what: string): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= most) return value;
  throw new Error(`a ${what}`);
}
