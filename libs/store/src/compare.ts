import { taggedNumber } from './codec.js';

/**
 * MongoDB's order of values of the types the store holds: missing and null < numbers (NaN first) < strings < objects <
 * arrays < booleans. Negative, zero or positive. Objects and arrays compare by their entries in order.
 */
export function compareValues(a: unknown, b: unknown): number {
  const [rankA, rankB] = [rank(a), rank(b)];
  if (rankA !== rankB) return rankA - rankB;
  switch (rankA) {
    case 1:
      return compareNumbers(asNumber(a), asNumber(b));
    case 2:
      return (a as string) < (b as string) ? -1 : (a as string) > (b as string) ? 1 : 0;
    case 3:
      return compareLists(Object.entries(a as object).flat(), Object.entries(b as object).flat());
    case 4:
      return compareLists(a as unknown[], b as unknown[]);
    case 5:
      return Number(a) - Number(b);
    default:
      return 0;
  }
}

function rank(value: unknown): number {
  if (value === undefined || value === null) return 0;
  if (typeof value === 'number' || taggedNumber(value) !== undefined) return 1;
  if (typeof value === 'string') return 2;
  if (typeof value === 'boolean') return 5;
  return Array.isArray(value) ? 4 : 3;
}

function asNumber(value: unknown): number {
  return typeof value === 'number' ? value : (taggedNumber(value) as number);
}

function compareNumbers(a: number, b: number): number {
  if (Number.isNaN(a) || Number.isNaN(b)) return Number(Number.isNaN(b)) - Number(Number.isNaN(a));
  return a < b ? -1 : a > b ? 1 : 0;
}

function compareLists(a: readonly unknown[], b: readonly unknown[]): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    const order = compareValues(a[i], b[i]);
    if (order !== 0) return order;
  }
  return a.length - b.length;
}
