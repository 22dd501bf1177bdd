import { parquetRead } from 'hyparquet';
import type { AsyncBuffer, FileMetaData } from 'hyparquet';

import { boundedCompressors } from '../parquet/bounded-compressors.js';
import type { UnpackBudget } from '../parquet/check-pages.js';
import { labelListText } from './parsed-table.js';
import type { ReadOptions } from './parsed-table.js';
import { unreadable } from './plain-cells.js';
import { cellTooLong } from './table-limits.js';
import type { CellOfFile } from './value-column.js';

/** A column of lists whose pages have been checked. */
export interface ListsOfFile {
  readonly file: AsyncBuffer;
  readonly metadata: FileMetaData;
  readonly name: string;
  readonly rows: number;
  /** Texts of a dictionary can be in the lists of all rows: their cells take what is left. */
  readonly budget: UnpackBudget;
}

/**
 * Cells of a column of lists of labels, as JSON lists: null for no list, `[]` for an empty one. Row groups are unpacked one after the
 * other, so that the lists of one are in memory. Throws RK_DATASET_COLUMN_TYPE for an item that is no label, RK_DATASET_TOO_LARGE for a cell that
 * is too long, and an Error for what the reader does not take or the budget does not bear.
 */
export async function readLabelLists(
  { file, metadata, name, rows, budget }: ListsOfFile,
  options: ReadOptions,
): Promise<CellOfFile[]> {
  const cells = new Array<CellOfFile>(rows).fill(null);
  const known = new Map<string, string>();
  let from = 0;
  for (const group of metadata.row_groups) {
    const due = Number(group.num_rows);
    if (due === 0) continue;
    const lists = new Array<unknown>(due).fill(null);
    await parquetRead({
      file,
      metadata: { ...metadata, num_rows: group.num_rows, row_groups: [group] },
      columns: [name],
      compressors: boundedCompressors,
      onChunk: ({ columnData, rowStart }) => {
        for (let i = 0; i < columnData.length; i++) lists[rowStart + i] = columnData[i];
      },
    });
    for (let row = 0; row < due; row++) {
      const list = lists[row];
      if (list === null || list === undefined) continue;
      const text = textOf(name, list, from + row + 1, options);
      budget.left -= text.length;
      if (budget.left < 0) throw new Error('its lists unpack to more than is allowed');
      // Equal cells share their text.
      const shared = known.get(text) ?? text;
      known.set(shared, shared);
      cells[from + row] = shared;
    }
    from += due;
    await options.pause();
  }
  return cells;
}

function textOf(name: string, list: unknown, row: number, options: ReadOptions): string {
  if (!Array.isArray(list)) throw unreadable(name, 'nested');
  let length = 2;
  for (const item of list as unknown[]) {
    length += typeof item === 'string' ? item.length + 3 : 1;
    if (length > options.maxCellBytes) throw cellTooLong(length, options, place(name, row));
  }
  const text = labelListText(list as unknown[]);
  if (text === undefined) throw unreadable(name, `a list with an item that is no label, in row ${row}`);
  if (text.length > options.maxCellBytes) throw cellTooLong(text.length, options, place(name, row));
  return text;
}

function place(name: string, row: number): Record<string, string> {
  return { column: name.slice(0, 80), row: String(row) };
}
