const prefixes: Readonly<Record<string, string>> = { columnTypes: 'COLUMN_TYPE_', task: 'TASK_' };

/**
 * Lets a publisher write `"task": "binary"` and `"columnTypes": {"zip": "categorical"}` instead of the enum
 * values' full names. Anything else stays as it is, for the strict check to judge.
 */
export function expandShortNames(json: Record<string, unknown>): Record<string, unknown> {
  const out: Record<string, unknown> = { ...json };
  for (const field of ['columnTypes', 'column_types', 'task']) {
    const value = out[field];
    const prefix = prefixes[field === 'column_types' ? 'columnTypes' : field] ?? '';
    if (typeof value === 'string') out[field] = expand(value, prefix);
    else if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      out[field] = Object.fromEntries(
        Object.entries(value).map(([key, item]) => [
          key,
          typeof item === 'string' ? expand(item, prefix) : item,
        ]),
      );
    }
  }
  return out;
}

function expand(value: string, prefix: string): string {
  return value.startsWith(prefix) ? value : `${prefix}${value.toUpperCase()}`;
}
