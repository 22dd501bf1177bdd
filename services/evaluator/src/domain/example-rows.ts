import type { Row, Signature, Value } from '@rookery/proto/rookery/domain/v1/data';
import { cellAt, columnByName } from '@rookery/tabular';
import type { CellValue, Table } from '@rookery/tabular';

/** A row of the table as a request would carry it: the features only, a missing (or infinite) cell as a value without a kind. */
export function exampleRow(table: Table, signature: Signature, row: number): Row {
  const values: Record<string, Value> = {};
  for (const { name } of signature.features) values[name] = valueOf(cellAt(columnByName(table, name), row));
  return { values };
}

function valueOf(cell: CellValue): Value {
  if (cell === null) return { kind: undefined };
  // The transformer takes what is not finite for missing; a request that holds it would be refused.
  if (typeof cell === 'number')
    return { kind: Number.isFinite(cell) ? { $case: 'number', value: cell } : undefined };
  if (typeof cell === 'boolean') return { kind: { $case: 'flag', value: cell } };
  return { kind: { $case: 'text', value: cell } };
}

/** The first rows without a missing feature, then the first ones with: at most `count`. The first is the input example. */
export function exampleRowNumbers(table: Table, signature: Signature, count: number): number[] {
  const columns = signature.features.map(({ name }) => columnByName(table, name));
  const whole: number[] = [];
  const gapped: number[] = [];
  for (let row = 0; row < table.rows && whole.length < count; row++) {
    if (columns.every((column) => cellAt(column, row) !== null)) whole.push(row);
    else if (gapped.length < count) gapped.push(row);
  }
  // One row with a gap among the examples shows that imputation serves as it trained.
  const kept = gapped.length > 0 && whole.length >= count ? whole.slice(0, count - 1) : whole;
  return [...kept, ...gapped].slice(0, count);
}
