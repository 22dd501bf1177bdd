import { walkRuns } from './page-runs.js';
import { size } from './thrift-frame.js';

/** Definition levels of a column of lists: what its entries say of themselves. */
export interface ListLevels {
  /** From this on an entry is an item, be it one without a value; below it stands for a list that is missing or empty. */
  readonly item: number;
  /** An item with a value. */
  readonly value: number;
}

/** Levels by run-length encoding and bit-packing; none goes past `end`, and there are `count` of them. */
export function readLevels(
  view: DataView,
  at: number,
  end: number,
  width: number,
  count: number,
): Uint8Array {
  const part = new DataView(view.buffer, view.byteOffset, end);
  // Before memory is taken for them.
  walkRuns(part, at, width, count);
  const levels = new Uint8Array(count);
  const mask = (1 << width) - 1;
  let position = at;
  for (let seen = 0; seen < count;) {
    const [header, start] = size(part, position, end);
    const length = header >>> 1;
    const packed = (header & 1) === 1;
    position = start + (packed ? length * width : 1);
    if (position > end) throw new Error('its levels are cut off');
    const values = packed ? length * 8 : length;
    const last = Math.min(count, seen + values);
    if (!packed) levels.fill(view.getUint8(start), seen, last);
    // A level has one or two bits: none lies in two bytes.
    for (let i = 0; packed && seen + i < last; i++) {
      const bit = i * width;
      levels[seen + i] = (view.getUint8(start + (bit >> 3)) >> (bit & 7)) & mask;
    }
    seen += values;
  }
  return levels;
}

/** Holds the levels of a column chunk of lists, page by page, against each other and the rows that are due. */
export function listLevelCheck(
  { item, value }: ListLevels,
  rows: number,
): {
  /** Throws for levels that no lists have; gives the rows that begin in the page, and the values in it. */
  page(repetitions: Uint8Array, definitions: Uint8Array): { readonly rows: number; readonly values: number };
  /** Throws where rows are missing. */
  end(): void;
} {
  let seen = 0;
  /** Whether the list of the last entry may go on. */
  let open = false;
  return {
    page(repetitions, definitions) {
      const before = seen;
      let values = 0;
      for (let i = 0; i < repetitions.length; i++) {
        const [repetition, definition] = [repetitions[i]!, definitions[i]!];
        if (repetition > 1 || definition > value)
          throw new Error('it has levels that its lists can not have');
        if (repetition === 0) seen++;
        else if (!open || definition < item) throw new Error('a list goes on that has not begun');
        open = definition >= item;
        if (definition === value) values++;
      }
      if (seen > rows) throw new Error('its pages have more lists than rows are due');
      return { rows: seen - before, values };
    },
    end() {
      if (seen !== rows) throw new Error(`its pages have ${seen} lists where ${rows} rows are due`);
    },
  };
}
