import { TerminalError } from '@rookery/contracts';
import type { Column, ColumnType, Table } from '@rookery/tabular';

import type { TableLimits } from './table-limits.js';

/** How the cells of a file become columns. */
export interface ReadOptions extends TableLimits {
  /** Cells that mean "no value". */
  readonly missingTokens: readonly string[];
  /** Types by column name, where they are not to be inferred. */
  readonly columnTypes: Readonly<Record<string, ColumnType>>;
  /** Columns that are not used as features: they may be of a kind that Rookery can not read, and are left out then. */
  readonly ignore: ReadonlySet<string>;
  /** Column that may hold lists of labels; `text`: its cells are texts, whatever they look like. */
  readonly labelColumn?: { readonly name: string; readonly text: boolean } | undefined;
  /** Most bytes that the file may hold when unpacked. */
  readonly maxBytes: number;
  /** Awaited between pieces of long work, so that timers and other calls get their turn. */
  readonly pause: () => Promise<void>;
}

/** What a reader made of a file. */
export interface ParsedTable {
  readonly table: Table;
  /** Ignored columns that could not be read and are not in the table. */
  readonly dropped: readonly string[];
}

/** The given type of a column, if there is one. */
export function givenType(options: ReadOptions, name: string): ColumnType | undefined {
  if (options.labelColumn?.text === true && options.labelColumn.name === name) return 'text';
  return Object.hasOwn(options.columnTypes, name) ? options.columnTypes[name] : undefined;
}

/** Two names that differ in this character alone look the same to everyone, and are the same to readers of Arrow files. */
const byteOrderMark = '\ufeff';

/**
 * Throws RK_DATASET_DUPLICATE_COLUMN for a name that is empty, begins with a byte order mark or occurs twice, with its position
 * (from 1).
 */
export function checkColumnNames(names: readonly string[]): void {
  const seen = new Map<string, number>();
  names.forEach((name, i) => {
    const position = String(i + 1);
    if (name.trim() === '') {
      throw new TerminalError('RK_DATASET_DUPLICATE_COLUMN', `Column ${position} has no name`, {
        details: { position },
      });
    }
    if (name.startsWith(byteOrderMark)) {
      throw new TerminalError(
        'RK_DATASET_DUPLICATE_COLUMN',
        `The name of column ${position} begins with an invisible character (U+FEFF, a byte order mark)`,
        { details: { column: name, position }, hint: 'Remove the character from the name.' },
      );
    }
    const first = seen.get(name);
    if (first !== undefined) {
      throw new TerminalError(
        'RK_DATASET_DUPLICATE_COLUMN',
        `Columns ${first} and ${position} are both named ${JSON.stringify(name)}`,
        { details: { column: name, position } },
      );
    }
    seen.set(name, i + 1);
  });
}

/** Throws RK_DATASET_COLUMN_UNKNOWN where a type is given for, or `ignore` names, a column that is not there. */
export function checkNamedColumns(
  names: readonly string[],
  options: Pick<ReadOptions, 'columnTypes' | 'ignore'>,
): void {
  const known = new Set(names);
  const check = (field: string, wanted: Iterable<string>): void => {
    for (const column of wanted) {
      if (known.has(column)) continue;
      throw new TerminalError(
        'RK_DATASET_COLUMN_UNKNOWN',
        `${field} names ${JSON.stringify(column)}, which is no column; the columns are: ${listed(names)}`,
        { details: { field, column, columns: listed(names) } },
      );
    }
  };
  check('column_types', Object.keys(options.columnTypes));
  check('ignore', options.ignore);
}

/** A list of labels as the text of a cell, a JSON list; undefined for anything but texts, finite numbers and booleans. */
export function labelListText(items: Iterable<unknown>): string | undefined {
  const labels: string[] = [];
  for (const item of items) {
    if (typeof item === 'bigint') labels.push(String(item));
    else if (typeof item === 'string' || typeof item === 'boolean' || Number.isFinite(item))
      labels.push(String(item));
    else return undefined;
  }
  return JSON.stringify(labels);
}

/** Names with commas between them, at most 50 of them. */
export function listed(names: readonly string[]): string {
  return names.length <= 50
    ? names.join(', ')
    : `${names.slice(0, 50).join(', ')}, … (${names.length} in all)`;
}

/**
 * Runs `make`, and turns tabular's error about a cell into RK_DATASET_COLUMN_TYPE, with what `locate` adds for the
 * row (from 1).
 */
export function withCellErrors(
  name: string,
  type: ColumnType | undefined,
  make: () => Column,
  locate: (row: number) => Record<string, string> = () => ({}),
): Column {
  try {
    return make();
  } catch (error) {
    const carried = error as { code?: unknown; details?: Record<string, string> };
    if (!(error instanceof Error) || carried.code !== 'RK_TABULAR_CELL_INVALID') throw error;
    const row = carried.details?.['row'] ?? '';
    const value = (carried.details?.['value'] ?? '').slice(0, 80);
    const place = locate(Number(row));
    const where = place['line'] === undefined ? `row ${row}` : `row ${row} (line ${place['line']})`;
    throw new TerminalError(
      'RK_DATASET_COLUMN_TYPE',
      `Column ${JSON.stringify(name)}, ${where}: ${JSON.stringify(value)} does not fit the type ${type ?? 'given'}`,
      { details: { column: name, row, value, type: type ?? '', ...place }, cause: error },
    );
  }
}
