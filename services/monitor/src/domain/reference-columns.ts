import { ColumnType } from '@rookery/proto/rookery/domain/v1/data';
import type { ReferenceColumn as ReferenceColumnMessage } from '@rookery/proto/rookery/artifacts/v1/artifacts';
import { countCategories } from '@rookery/tabular';
import type { CurrentColumn, ReferenceColumn } from '@rookery/tabular';

import type { StoredValue } from './prediction-window.js';

/** The reference of one column, as the statistics take it. */
export function referenceOf(message: ReferenceColumnMessage): ReferenceColumn {
  const head = { name: message.name, n: message.present, missing: message.missing };
  return message.type === ColumnType.COLUMN_TYPE_NUMERIC
    ? { ...head, type: 'numeric', values: message.values, counts: message.counts, exact: message.exact }
    : { ...head, type: 'categorical', categories: message.categories, counts: message.categoryCounts };
}

/** Captured values of one column as the statistics take them; a value that does not fit the type is missing. */
export function currentOf(reference: ReferenceColumn, values: readonly StoredValue[]): CurrentColumn {
  if (reference.type === 'numeric') {
    return Float64Array.from(values, (value) => (typeof value === 'number' ? value : NaN));
  }
  return countCategories(values.map((value) => (value === null ? null : String(value))));
}
