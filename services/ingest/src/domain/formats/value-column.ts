import { columnFromValues, inferColumn } from '@rookery/tabular';
import type { Column, ColumnType } from '@rookery/tabular';

import { givenType, withCellErrors } from './parsed-table.js';
import type { ReadOptions } from './parsed-table.js';

/** A cell of a file whose cells have types. */
export type CellOfFile = string | number | boolean | null;

/**
 * A column of typed cells. Without a given type: all numbers → numeric; all booleans → boolean; else the text of
 * the cells goes by the rule of `inferColumn`, unless the file itself declares what text is (`declared`). Missing tokens apply to text; NaN is missing.
 */
export function columnOfValues(
  name: string,
  cells: readonly CellOfFile[],
  options: ReadOptions,
  more: {
    readonly declared?: ColumnType | undefined;
    readonly locate?: (row: number) => Record<string, string>;
  } = {},
): Column {
  const given = givenType(options, name);
  const kind = kindOf(cells);
  if (kind === 'number' && (given === undefined || given === 'numeric'))
    return columnFromValues(name, 'numeric', cells);
  if (kind === 'boolean' && (given === undefined || given === 'boolean'))
    return columnFromValues(name, 'boolean', cells);
  const type = given ?? (kind === 'string' ? more.declared : undefined);
  const texts = cells.map((cell) => (cell === null || Number.isNaN(cell) ? null : String(cell)));
  return withCellErrors(
    name,
    type,
    () =>
      inferColumn(name, texts, {
        missingTokens: options.missingTokens,
        ...(type === undefined ? {} : { override: type }),
      }),
    more.locate,
  );
}

function kindOf(cells: readonly CellOfFile[]): 'number' | 'boolean' | 'string' | 'none' | 'mixed' {
  let kind: 'number' | 'boolean' | 'string' | 'none' = 'none';
  for (const cell of cells) {
    if (cell === null) continue;
    const type = typeof cell as 'number' | 'boolean' | 'string';
    if (kind === 'none') kind = type;
    else if (kind !== type) return 'mixed';
  }
  return kind;
}
