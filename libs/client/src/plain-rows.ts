import type { Row, Value } from '@rookery/proto/rookery/domain/v1/data';

/** A value as a program holds it; null is missing. */
export type PlainValue = number | string | boolean | null;

/** A row as a program holds it. */
export type PlainRow = Readonly<Record<string, PlainValue>>;

/** The message of a row. */
export function rowToProto(row: PlainRow): Row {
  const values: Record<string, Value> = {};
  for (const [name, value] of Object.entries(row)) values[name] = valueToProto(value);
  return { values };
}

function valueToProto(value: PlainValue): Value {
  switch (typeof value) {
    case 'number':
      return { kind: { $case: 'number', value } };
    case 'boolean':
      return { kind: { $case: 'flag', value } };
    case 'string':
      return { kind: { $case: 'text', value } };
    default:
      return { kind: undefined };
  }
}

/** The row of a message. */
export function rowFromProto(row: Row | undefined): Record<string, PlainValue> {
  return Object.fromEntries(
    Object.entries(row?.values ?? {}).map(([name, value]) => [name, value.kind?.value ?? null]),
  );
}
