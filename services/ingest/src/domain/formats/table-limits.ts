import { TerminalError } from '@rookery/contracts';

/** How large the table of a file may be, whatever the size of the file: a few bytes can stand for many cells. */
export interface TableLimits {
  readonly maxColumns: number;
  readonly maxRows: number;
  /** Rows × columns. */
  readonly maxCells: number;
  /** Of a line of CSV or JSON Lines. */
  readonly maxRowBytes: number;
  /** Of one text. */
  readonly maxCellBytes: number;
  /** How many times its own size a packed file may unpack to, beyond 64 MiB. */
  readonly maxUnpackRatio: number;
}

/** Throws RK_DATASET_TOO_LARGE for a table with too many rows or cells. */
export function checkTableSize(rows: number, columns: number, limits: TableLimits): void {
  if (rows > limits.maxRows)
    throw beyond(`The file has ${rows} rows or more`, 'rows', rows, limits.maxRows, 'ROOKERY_MAX_ROWS');
  const cells = rows * columns;
  if (cells <= limits.maxCells) return;
  throw beyond(
    `The file has ${rows} rows of ${columns} columns or more`,
    'cells',
    cells,
    limits.maxCells,
    'ROOKERY_MAX_CELLS',
  );
}

/** RK_DATASET_TOO_LARGE for a line. */
export function rowTooLong(line: number, bytes: number, limits: TableLimits): TerminalError {
  return beyond(
    `Line ${line} is longer than allowed: ${bytes} bytes`,
    'bytes',
    bytes,
    limits.maxRowBytes,
    'ROOKERY_MAX_ROW_BYTES',
    { line: String(line) },
  );
}

/** RK_DATASET_TOO_LARGE for a cell; `place` says which. */
export function cellTooLong(
  bytes: number,
  limits: TableLimits,
  place: Readonly<Record<string, string>>,
): TerminalError {
  const where = Object.entries(place).map(([what, which]) => `${what} ${which}`);
  return beyond(
    `A cell (${where.join(', ')}) is longer than allowed: ${bytes} bytes`,
    'bytes',
    bytes,
    limits.maxCellBytes,
    'ROOKERY_MAX_CELL_BYTES',
    place,
  );
}

function beyond(
  message: string,
  what: string,
  size: number,
  limit: number,
  variable: string,
  place: Readonly<Record<string, string>> = {},
): TerminalError {
  return new TerminalError('RK_DATASET_TOO_LARGE', `${message}; the limit is ${limit}`, {
    details: { [what]: String(size), limit: String(limit), variable, ...place },
    hint: `Raise ${variable}, or publish less.`,
  });
}
