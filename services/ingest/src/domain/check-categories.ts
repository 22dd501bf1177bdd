import { TerminalError } from '@rookery/contracts';
import type { ColumnSchema } from '@rookery/tabular';

import type { ColumnRecord } from './dataset-record.js';

/** Most categories of a feature: each becomes an input of the network. */
export const MAX_CATEGORIES = 10_000;
/** Most bytes of all categories together: they travel in the event, which has to fit into a message. */
const MAX_CATEGORY_BYTES = 512 * 1024;

/**
 * The columns as the event lists them. Only columns that are `used` (features and target) carry their categories.
 * Throws RK_DATASET_TOO_MANY_CATEGORIES, naming the column with the most, where a feature has more than
 * {@link MAX_CATEGORIES} or all together are too large: such a column is an id or free text.
 */
export function checkCategories(schema: readonly ColumnSchema[], used: ReadonlySet<string>): ColumnRecord[] {
  let bytes = 0;
  let widest: ColumnSchema | undefined;
  for (const column of schema) {
    if (!used.has(column.name)) continue;
    for (const category of column.categories) bytes += Buffer.byteLength(category) + 3;
    if (widest === undefined || column.categories.length > widest.categories.length) widest = column;
  }
  if (widest !== undefined && (widest.categories.length > MAX_CATEGORIES || bytes > MAX_CATEGORY_BYTES)) {
    throw new TerminalError(
      'RK_DATASET_TOO_MANY_CATEGORIES',
      `Column ${JSON.stringify(widest.name)} has ${widest.categories.length} different texts: it looks like an id or free text`,
      {
        details: {
          column: widest.name,
          categories: String(widest.categories.length),
          limit: String(MAX_CATEGORIES),
        },
      },
    );
  }
  return schema.map((column) => ({
    name: column.name,
    type: column.type,
    categories: used.has(column.name) ? column.categories : [],
    missing: column.missing,
  }));
}
