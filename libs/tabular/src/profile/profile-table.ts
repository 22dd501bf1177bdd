import { compareCategories } from '../table/category-order.js';
import { columnLength } from '../table/table.js';
import { sortScratch, sortedFinite } from './sort-floats.js';
import type { SortScratch } from './sort-floats.js';
import type { CodedColumn, Column, ColumnType, NumericColumn, Table } from '../table/table.js';

export interface ProfileOptions {
  /** Bins of the histogram. Default 10. */
  readonly bins?: number;
  /** Most frequent categories listed. Default 10. */
  readonly top?: number;
  /** Memory for sorting numbers, for columns one after the other. */
  readonly scratch?: SortScratch;
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
  const scratch = options.scratch ?? sortScratch(table.rows);
  return {
    rows: table.rows,
    columns: table.columns.map((column) => profileColumn(column, { ...options, scratch })),
  };
}

/** Profile of one column. */
export function profileColumn(column: Column, options: ProfileOptions = {}): ColumnProfile {
  return column.type === 'numeric'
    ? profileNumeric(column, options.bins ?? 10, options.scratch)
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

function profileNumeric(column: NumericColumn, bins: number, scratch?: SortScratch): NumericProfile {
  const { values } = column;
  const sorted = sortedFinite(values, scratch);
  const n = sorted.length;
  const { distinct, sum } = sumOf(sorted);
  const mean = sum / n;
  const squares = squaresAround(sorted, mean);
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
    infinite: n === values.length ? 0 : infiniteCount(values),
  };
}

// Each of these is a loop of its own: compiled alone, they run at the speed of the memory.

function sumOf(sorted: Float64Array): { readonly distinct: number; readonly sum: number } {
  let distinct = 0;
  let sum = 0;
  let previous = NaN;
  for (let i = 0; i < sorted.length; i++) {
    const value = sorted[i]!;
    if (value !== previous) distinct++;
    previous = value;
    sum += value;
  }
  return { distinct, sum };
}

function squaresAround(sorted: Float64Array, mean: number): number {
  let squares = 0;
  for (let i = 0; i < sorted.length; i++) {
    const distance = sorted[i]! - mean;
    squares += distance * distance;
  }
  return squares;
}

function infiniteCount(values: Float64Array): number {
  let infinite = 0;
  for (let i = 0; i < values.length; i++) if (values[i] === Infinity || values[i] === -Infinity) infinite++;
  return infinite;
}

function histogram(sorted: Float64Array, bins: number): { edges: number[]; counts: number[] } {
  const first = sorted[0];
  const last = sorted[sorted.length - 1];
  if (first === undefined || last === undefined) return { edges: [], counts: [] };
  const step = (last - first) / bins;
  const edges = Array.from({ length: bins + 1 }, (_, i) => (i === bins ? last : first + i * step));
  // The values are sorted: a bin ends where the next one's edge would be put in.
  const ends = edges.slice(1).map((edge, i) => (i === bins - 1 ? sorted.length : lowerBound(sorted, edge)));
  const counts = ends.map((end, i) => end - (ends[i - 1] ?? 0));
  return { edges, counts };
}

/** Position of the first sorted value that is not below `bound`. */
function lowerBound(sorted: Float64Array, bound: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle]! < bound) low = middle + 1;
    else high = middle;
  }
  return low;
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
