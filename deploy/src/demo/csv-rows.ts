import type { PlainRow, PlainValue } from '@rookery/client';
import { ColumnType } from '@rookery/proto/rookery/domain/v1/data';
import type { Signature } from '@rookery/proto/rookery/domain/v1/data';

const missing = new Set(['', '.', 'NA']);

/** Feature rows of a CSV file without quotes, such as the penguins', as a predicting program would send them. */
export function csvRows(text: string, signature: Signature | undefined): PlainRow[] {
  const [header = '', ...lines] = text.split(/\r?\n/).filter((line) => line !== '');
  const names = header.split(',');
  const features = signature?.features ?? [];
  return lines.map((line) => {
    const cells = line.split(',');
    const row: Record<string, PlainValue> = {};
    for (const { name, type } of features) {
      const cell = cells[names.indexOf(name)] ?? '';
      if (missing.has(cell)) row[name] = null;
      else if (type === ColumnType.COLUMN_TYPE_NUMERIC) row[name] = Number(cell);
      else if (type === ColumnType.COLUMN_TYPE_BOOLEAN) row[name] = cell === 'true';
      else row[name] = cell;
    }
    return row;
  });
}
