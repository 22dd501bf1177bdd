import { compareCategories } from '../table/category-order.js';
import { columnLength } from '../table/table.js';
import { sortedFinite } from './sort-floats.js';
import type { CodedColumn, Column, ColumnType, NumericColumn, Table } from '../table/table.js';

export interface ProfileOptions {
  /** Bins of the histogram. Default 10. */
  readonly bins?: number;
  /** Most frequent categories listed. Default 10. */
  readonly top?: number;
}

/** What all columns have. */
interface CommonProfile {
  readonly name: string;
  readonly type: ColumnType;
  readonly rows: number;
  /** Non-missing cells. */
  readonly count: number;
  readonly missing: number;
  /** missing / rows; 0 without rows. */
  readonly missingShare: number;
  readonly distinct: number;
  /** At least one value, and only one distinct. */
  readonly constant: boolean;
  /** No value at all. */
  readonly allMissing: boolean;
}

/** Numbers over the non-missing finite cells; null where there is none (std: fewer than two). */
export interface NumericProfile extends CommonProfile {
  readonly type: 'numeric';
  readonly min: number | null;
  readonly max: number | null;
  readonly mean: number | null;
  readonly populationStd: number | null;
  readonly sampleStd: number | null;
  /** Linear interpolation between neighbours (NumPy's default). */
  readonly quantiles: {
    readonly q05: number;
    readonly q25: number;
    readonly q50: number;
    readonly q75: number;
    readonly q95: number;
  } | null;
  /** `counts[i]` values in [edges[i], edges[i + 1]), the last bin closed. A constant column has one bin. */
  readonly histogram: { readonly edges: readonly number[]; readonly counts: readonly number[] };
  /** ±Infinity cells, counted as missing above. */
  readonly infinite: number;
}

export interface CategoricalProfile extends CommonProfile {
  readonly type: 'categorical' | 'boolean' | 'text';
  /** Most frequent first; ties by code point. Shares are of all rows. */
  readonly top: readonly { readonly category: string; readonly count: number; readonly share: number }[];
}

export type ColumnProfile = NumericProfile | CategoricalProfile;

/** JSON-serialisable. */
export interface TableProfile {
  readonly rows: number;
  readonly columns: readonly ColumnProfile[];
}

/** Profile of every column. */
export function profileTable(table: Table, options: ProfileOptions = {}): TableProfile {
  return { rows: table.rows, columns: table.columns.map((column) => profileColumn(column, options)) };
}

/** Profile of one column. */
export function profileColumn(column: Column, options: ProfileOptions = {}): ColumnProfile {
  return column.type === 'numeric'
    ? profileNumeric(column, options.bins ?? 10)
    : profileCoded(column, options.top ?? 10);
}

/** Quantile of sorted values by linear interpolation; q in [0, 1]. NaN without values. */
export function quantileSorted(sorted: Float64Array, q: number): number {
  const position = (sorted.length - 1) * q;
  const below = Math.floor(position);
  const low = sorted[below] ?? NaN;
  const high = sorted[Math.min(below + 1, sorted.length - 1)] ?? NaN;
  const part = position - below;
  // NumPy's lerp: counted from the nearer end.
  return part < 0.5 ? low + (high - low) * part : high - (high - low) * (1 - part);
}

function common(column: Column, missing: number, distinct: number): Omit<CommonProfile, 'type'> {
  const rows = columnLength(column);
  return {
    name: column.name,
    rows,
    count: rows - missing,
    missing,
    missingShare: rows === 0 ? 0 : missing / rows,
    distinct,
    constant: distinct === 1,
    allMissing: rows === missing,
  };
}

function profileNumeric(column: NumericColumn, bins: number): NumericProfile {
  const { values } = column;
  const sorted = sortedFinite(values);
  const n = sorted.length;
  let infinite = 0;
  for (let i = 0; i < values.length; i++) if (values[i] === Infinity || values[i] === -Infinity) infinite++;
  let distinct = 0;
  let sum = 0;
  for (let i = 0; i < n; i++) {
    if (i === 0 || sorted[i] !== sorted[i - 1]) distinct++;
    sum += sorted[i]!;
  }
  const mean = sum / n;
  let squares = 0;
  for (let i = 0; i < n; i++) {
    const distance = sorted[i]! - mean;
    squares += distance * distance;
  }
  const at = (q: number): number => quantileSorted(sorted, q);
  return {
    ...common(column, values.length - n, distinct),
    type: 'numeric',
    min: sorted[0] ?? null,
    max: sorted[n - 1] ?? null,
    mean: n === 0 ? null : mean,
    populationStd: n === 0 ? null : Math.sqrt(squares / n),
    sampleStd: n < 2 ? null : Math.sqrt(squares / (n - 1)),
    quantiles: n === 0 ? null : { q05: at(0.05), q25: at(0.25), q50: at(0.5), q75: at(0.75), q95: at(0.95) },
    histogram: histogram(sorted, distinct < 2 ? 1 : bins),
    infinite,
  };
}

function histogram(sorted: Float64Array, bins: number): { edges: number[]; counts: number[] } {
  const first = sorted[0];
  const last = sorted[sorted.length - 1];
  if (first === undefined || last === undefined) return { edges: [], counts: [] };
  const step = (last - first) / bins;
  const edges = Array.from({ length: bins + 1 }, (_, i) => (i === bins ? last : first + i * step));
  const counts = new Array<number>(bins).fill(0);
  let bin = 0;
  for (let i = 0; i < sorted.length; i++) {
    const value = sorted[i]!;
    while (bin < bins - 1 && value >= edges[bin + 1]!) bin++;
    counts[bin]!++;
  }
  return { edges, counts };
}

function profileCoded(column: CodedColumn, top: number): CategoricalProfile {
  const counts = new Float64Array(column.categories.length);
  let missing = 0;
  const { codes } = column;
  for (let i = 0; i < codes.length; i++) {
    if (codes[i]! < 0) missing++;
    else counts[codes[i]!]!++;
  }
  const seen = column.categories
    .map((category, code) => ({ category, count: counts[code]!, share: counts[code]! / column.codes.length }))
    .filter(({ count }) => count > 0)
    .sort((a, b) => b.count - a.count || compareCategories(a.category, b.category));
  return { ...common(column, missing, seen.length), type: column.type, top: seen.slice(0, top) };
}
