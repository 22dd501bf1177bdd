import type { ColumnType } from '@rookery/tabular';

import { textOf } from './csv-cells.js';
import type { NumberCells } from './csv-cells.js';
import { TextDictionary, hashOf } from './text-dictionary.js';

/** The cells of a column are passed over. */
export const SKIPPED = 0;
/** Read as numbers. */
export const NUMBERS = 1;
/** Read as codes of a few distinct texts. */
export const CODES = 2;
/** Texts that hardly repeat: only where they begin is kept, 4 bytes a cell. */
export const PLACES = 3;

/**
 * The columns of a CSV file while it is read. Each is taken for numbers first (unless its type is given), then for codes, then
 * for places. One that turns out to be of another kind than it is read as is passed over for the moment, and listed.
 */
export class CsvColumns {
  /** How each column is read just now. */
  kinds: Uint8Array;
  readonly cells: NumberCells;
  readonly numbers: Float64Array<ArrayBuffer>[];
  readonly codes: Int32Array<ArrayBuffer>[];
  readonly dictionaries: (TextDictionary | undefined)[];
  readonly places: Uint32Array<ArrayBuffer>[];
  /** Rows that there is room for. */
  capacity = 0;
  readonly #bytes: Uint8Array;
  readonly #types: readonly (ColumnType | undefined)[];
  readonly #settled: Uint8Array;
  #otherwise: number[] = [];

  constructor(bytes: Uint8Array, types: readonly (ColumnType | undefined)[], cells: NumberCells) {
    this.#bytes = bytes;
    this.#types = types;
    this.cells = cells;
    const none = new ArrayBuffer(0);
    this.numbers = types.map(() => new Float64Array(none));
    this.codes = types.map(() => new Int32Array(none));
    this.places = types.map(() => new Uint32Array(none));
    this.dictionaries = types.map(() => undefined);
    this.#settled = new Uint8Array(types.length);
    this.kinds = this.#settled;
    types.forEach((type, column) => {
      this.#begin(column, type === undefined || type === 'numeric' ? NUMBERS : CODES);
    });
  }

  /** Makes room for so many rows. */
  reserve(rows: number): void {
    this.capacity = rows;
    for (let column = 0; column < this.kinds.length; column++) this.#fit(column);
  }

  /** Takes a cell that is not read on the way over its bytes. */
  take(column: number, row: number, start: number, end: number): void {
    const kind = this.kinds[column];
    if (kind === NUMBERS) {
      const value = this.cells.read(this.#bytes, start, end);
      if (value === undefined) this.otherwise(column);
      else this.numbers[column]![row] = value;
    } else if (kind === CODES) {
      this.takeText(column, row, start, end, hashOf(this.#bytes, start, end));
    } else if (kind === PLACES) this.places[column]![row] = start;
  }

  /** Takes a cell of a column of codes. */
  takeText(column: number, row: number, start: number, end: number, hash: number): void {
    const code = this.dictionaries[column]!.codeOf(start, end, hash);
    if (code < 0) this.otherwise(column);
    else this.codes[column]![row] = code;
  }

  /** The column is not of the kind that it is read as. */
  otherwise(column: number): void {
    this.kinds[column] = SKIPPED;
    this.#otherwise.push(column);
  }

  /**
   * Gives each column that was not of its kind the next one and calls `again`, which reads all rows so far once more, for
   * these columns alone; until all are of the kind that they are read as.
   */
  async settle(again: () => Promise<void>): Promise<void> {
    while (this.#otherwise.length > 0) {
      const columns = this.#otherwise;
      this.#otherwise = [];
      this.kinds = new Uint8Array(this.#settled.length);
      for (const column of columns) {
        // A cell that does not fit its given type: the rule says which, by the texts.
        const texts = this.#types[column] === 'numeric' || this.dictionaries[column] !== undefined;
        this.#begin(column, texts ? PLACES : CODES);
      }
      await again();
      for (const column of columns) this.#settled[column] = this.kinds[column]!;
      this.kinds = this.#settled;
    }
  }

  /** Texts of a column of codes or places; equal texts of the former are one string. */
  texts(column: number, rows: number, endOf: (start: number) => number): string[] {
    const texts = new Array<string>(rows);
    const known = this.dictionaries[column]?.texts;
    if (this.kinds[column] === CODES && known !== undefined) {
      const codes = this.codes[column]!;
      for (let row = 0; row < rows; row++) texts[row] = known[codes[row]!]!;
      return texts;
    }
    const places = this.places[column]!;
    const shared = new TextDictionary(this.#bytes);
    for (let row = 0; row < rows; row++) {
      const start = places[row]!;
      const end = endOf(start);
      const code = shared.codeOf(start, end, hashOf(this.#bytes, start, end));
      texts[row] = code < 0 ? textOf(this.#bytes, start, end) : shared.texts[code]!;
    }
    return texts;
  }

  #begin(column: number, kind: number): void {
    const none = new ArrayBuffer(0);
    this.kinds[column] = kind;
    this.numbers[column] = new Float64Array(none);
    this.codes[column] = new Int32Array(none);
    this.dictionaries[column] = kind === CODES ? new TextDictionary(this.#bytes) : undefined;
    this.#fit(column);
  }

  #fit(column: number): void {
    const kind = this.kinds[column];
    if (kind === NUMBERS) this.numbers[column] = grown(Float64Array, this.numbers[column]!, this.capacity);
    if (kind === CODES) this.codes[column] = grown(Int32Array, this.codes[column]!, this.capacity);
    if (kind === PLACES) this.places[column] = grown(Uint32Array, this.places[column]!, this.capacity);
  }
}

function grown<A extends { readonly length: number; set(from: A): void }>(
  type: new (length: number) => A,
  from: A,
  length: number,
): A {
  if (from.length >= length) return from;
  const to = new type(length);
  to.set(from);
  return to;
}
