import {
  DataType,
  Dictionary,
  Field,
  Float64,
  Int32,
  Precision,
  RecordBatch,
  Schema,
  Struct,
  Utf8,
  Vector,
  makeData,
  RecordBatchStreamWriter,
  tableFromIPC,
  vectorFromArray,
} from 'apache-arrow';
import type { Data } from 'apache-arrow';
import { TabularError } from '../tabular-error.js';
import { checkedArrow } from './arrow-frame.js';
import { columnFromValues } from './infer-column.js';
import { createTable } from './table.js';
import type { CellValue, CodedColumnType, Column, Table } from './table.js';

/** Field metadata that tells categorical, boolean and text columns apart. */
const TYPE_KEY = 'rookery.type';

/**
 * The table as an Arrow IPC stream of one record batch: numeric columns as float64, all others as dictionary-encoded
 * strings with their type in the field's metadata; missing cells are nulls. The same table gives the same bytes.
 */
export function tableToArrow(table: Table): Uint8Array {
  const fields = table.columns.map((column, i) => {
    const type = column.type === 'numeric' ? new Float64() : new Dictionary(new Utf8(), new Int32(), i);
    return new Field(column.name, type, true, new Map([[TYPE_KEY, column.type]]));
  });
  const schema = new Schema(fields);
  const children = table.columns.map((column, i) => columnData(column, fields[i]!.type, table.rows));
  const data = makeData({ type: new Struct(fields), length: table.rows, nullCount: 0, children });
  const writer = new RecordBatchStreamWriter();
  writer.write(new RecordBatch(schema, data));
  writer.finish();
  return writer.toUint8Array(true);
}

/**
 * Table of an Arrow IPC stream or file. Reads what tableToArrow wrote without loss, and foreign files too: integers,
 * floats and decimals become numeric, booleans boolean, strings and dictionaries of strings categorical. Throws
 * RK_TABULAR_ARROW_INVALID for bytes that are no Arrow data and for columns of other types (naming the column).
 */
export function tableFromArrow(bytes: Uint8Array): Table {
  try {
    const arrow = tableFromIPC(checkedArrow(bytes));
    return createTable(
      arrow.schema.fields.map((field, i) => {
        const vector = arrow.getChildAt(i) ?? new Vector([makeData({ type: field.type as Float64 })]);
        return columnOf(field, vector);
      }),
    );
  } catch (cause) {
    if (cause instanceof TabularError) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new TabularError(
      'RK_TABULAR_ARROW_INVALID',
      `These ${bytes.length} bytes are no Arrow data: ${reason}.`,
    );
  }
}

function columnData(column: Column, type: DataType, rows: number): Data {
  const { missing, nullBitmap } =
    column.type === 'numeric' ? presentNumbers(column.values) : presentCodes(column.codes);
  if (column.type === 'numeric') {
    return makeData({
      type: type as Float64,
      length: rows,
      nullCount: missing,
      nullBitmap,
      data: column.values,
    });
  }
  // Readers may look a null's code up: 0 is within every dictionary that is not empty.
  const codes = missing === 0 ? column.codes : withoutNegative(column.codes);
  const dictionary = vectorFromArray([...column.categories], new Utf8());
  const dictionaryType = type as Dictionary<Utf8, Int32>;
  return makeData({
    type: dictionaryType,
    length: rows,
    nullCount: missing,
    nullBitmap,
    data: codes,
    dictionary,
  });
}

/** Arrow's validity bits: bit i is 1 where row i has a value; null where all have one. */
interface Presence {
  readonly missing: number;
  readonly nullBitmap: Uint8Array | null;
}

function presentNumbers(values: Float64Array): Presence {
  const bits = validityOf(values.length);
  let missing = 0;
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    // NaN alone is not itself.
    if (value === value) bits[i >> 3]! |= 1 << (i & 7);
    else missing++;
  }
  return { missing, nullBitmap: missing === 0 ? null : bits };
}

function presentCodes(codes: Int32Array): Presence {
  const bits = validityOf(codes.length);
  let missing = 0;
  for (let i = 0; i < codes.length; i++) {
    if (codes[i]! >= 0) bits[i >> 3]! |= 1 << (i & 7);
    else missing++;
  }
  return { missing, nullBitmap: missing === 0 ? null : bits };
}

function validityOf(rows: number): Uint8Array {
  return new Uint8Array(Math.ceil(rows / 64) * 8);
}

function withoutNegative(codes: Int32Array): Int32Array {
  const out = new Int32Array(codes.length);
  for (let i = 0; i < codes.length; i++) out[i] = Math.max(0, codes[i]!);
  return out;
}

function columnOf(field: Field, vector: Vector): Column {
  const name = field.name;
  const type = field.type as DataType;
  const kind = field.metadata.get(TYPE_KEY);
  if (DataType.isFloat(type) && type.precision === Precision.DOUBLE)
    return numericColumn(name, vector as Vector<Float64>);
  if (DataType.isDictionary(type) && DataType.isUtf8(type.dictionary) && DataType.isInt(type.indices)) {
    return dictionaryColumn(name, codedType(kind), vector as Vector<Dictionary<Utf8, Int32>>);
  }
  const cells = (): CellValue[] =>
    Array.from({ length: vector.length }, (_, i) => vector.get(i) as CellValue);
  if (DataType.isFloat(type) || DataType.isInt(type)) {
    return columnFromValues(
      name,
      'numeric',
      cells().map((cell) => (cell === null ? null : Number(cell))),
    );
  }
  if (DataType.isBool(type)) return columnFromValues(name, 'boolean', cells());
  if (DataType.isUtf8(type) || DataType.isLargeUtf8(type))
    return columnFromValues(name, codedType(kind), cells());
  throw new TabularError(
    'RK_TABULAR_ARROW_INVALID',
    `Column "${name}" has an Arrow type that is not supported (${field.toString()}); convert it to numbers, booleans or strings.`,
    { column: name },
  );
}

function codedType(kind: string | undefined): CodedColumnType {
  return kind === 'boolean' || kind === 'text' ? kind : 'categorical';
}

function numericColumn(name: string, vector: Vector<Float64>): Column {
  checkLengths(name, vector);
  const values = new Float64Array(vector.length);
  eachChunk(vector, (chunk, offset) => {
    values.set(chunk.values.subarray(0, chunk.length), offset);
    eachNull(chunk, (i) => {
      values[offset + i] = NaN;
    });
  });
  return { name, type: 'numeric', values };
}

function dictionaryColumn(
  name: string,
  type: CodedColumnType,
  vector: Vector<Dictionary<Utf8, Int32>>,
): Column {
  checkLengths(name, vector);
  const codes = new Int32Array(vector.length);
  const categories: string[] = [];
  const positions = new Map<string, number>();
  eachChunk(vector, (chunk, offset) => {
    // Chunks may bring their own dictionary: recode by string.
    const recode = Int32Array.from(textsOf(name, chunk.dictionary as Vector<Utf8>), (category) => {
      let code = positions.get(category);
      if (code === undefined) positions.set(category, (code = categories.push(category) - 1));
      return code;
    });
    const { values, length } = chunk;
    for (let i = 0; i < length; i++) codes[offset + i] = recode[values[i]!] ?? -1;
    eachNull(chunk, (i) => {
      codes[offset + i] = -1;
    });
  });
  if (type !== 'boolean') return { name, type, codes, categories };
  if (categories.length === 2 && categories[0] === 'false' && categories[1] === 'true')
    return { name, type, codes, categories };
  const cells = Array.from(codes, (code) => categories[code] ?? null);
  return columnFromValues(name, 'boolean', cells);
}

/** The library's own decoder takes a byte order mark for no part of the text. */
const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });

/** The texts of a dictionary; 'null' where it has a gap. */
function textsOf(name: string, dictionary: Vector<Utf8>): string[] {
  if (dictionary.data.some(({ length, valueOffsets }) => length > 0 && valueOffsets.length <= length))
    throw fewerCells(name);
  return dictionary.data.flatMap((data) =>
    Array.from({ length: data.length }, (_, i) => {
      if (!data.getValid(i)) return 'null';
      const { values, valueOffsets } = data;
      return utf8.decode(values.subarray(valueOffsets[i], valueOffsets[i + 1]));
    }),
  );
}

/** A column may claim more cells than it has: nothing is set aside for those. */
function checkLengths<T extends Float64 | Dictionary<Utf8, Int32>>(name: string, vector: Vector<T>): void {
  if (vector.data.every((chunk) => chunk.values.length >= chunk.length)) return;
  throw fewerCells(name);
}

function fewerCells(name: string): TabularError {
  const text = `Column "${name}" has fewer cells than it says.`;
  return new TabularError('RK_TABULAR_ARROW_INVALID', text, { column: name });
}

function eachChunk<T extends DataType>(
  vector: Vector<T>,
  visit: (chunk: Data<T>, offset: number) => void,
): void {
  let offset = 0;
  for (const chunk of vector.data) {
    visit(chunk, offset);
    offset += chunk.length;
  }
}

/** Visits the rows of a chunk that are null, by Arrow's validity bits. */
function eachNull(chunk: Data, visit: (row: number) => void): void {
  if (chunk.nullCount === 0) return;
  const { nullBitmap: bits, offset } = chunk;
  for (let i = 0; i < chunk.length; i++) {
    const at = offset + i;
    if ((bits[at >> 3]! & (1 << (at & 7))) === 0) visit(i);
  }
}
