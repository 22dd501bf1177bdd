import { sortedFinite } from '../profile/sort-floats.js';
import { columnLength, missingCount } from '../table/table.js';
import type { Column } from '../table/table.js';
import { TabularError } from '../tabular-error.js';

/**
 * Distribution of a numeric column: sorted distinct finite values with their counts. Plain numbers, so that it
 * travels as JSON or protobuf.
 */
export interface NumericReference {
  readonly type: 'numeric';
  readonly name: string;
  /** Non-missing cells. */
  readonly n: number;
  /** Missing cells; ±Infinity counts as missing. */
  readonly missing: number;
  readonly values: ArrayLike<number>;
  readonly counts: ArrayLike<number>;
  /** False where there were more than `cap` distinct values and `values` are centroids of equal mass. */
  readonly exact: boolean;
}

/** Distribution of a categorical or boolean column. */
export interface CategoricalReference {
  readonly type: 'categorical';
  readonly name: string;
  readonly n: number;
  readonly missing: number;
  readonly categories: readonly string[];
  readonly counts: ArrayLike<number>;
}

/** What drift is measured against: built once from training data, kept with the model. */
export type ReferenceColumn = NumericReference | CategoricalReference;

/** Current values of a numeric column (NaN and ±Infinity are cleaned away), or counts of categories. */
export type CurrentColumn = Float64Array | CategoryCounts;

export interface CategoryCounts {
  /** Cells of each category, non-missing only. */
  readonly counts: ReadonlyMap<string, number>;
  readonly missing: number;
}

export interface ReferenceOptions {
  /** Most distinct numeric values kept exactly. Default 10,000. */
  readonly cap?: number;
}

/**
 * Reference of a column. Beyond `cap` distinct numeric values the inner ones become centroids of about equal mass
 * (the smallest and largest value stay exact), so a KS distance or share is off by at most about 1/cap. Throws
 * RK_TABULAR_COLUMN_TYPE for text.
 */
export function buildReferenceColumn(column: Column, options: ReferenceOptions = {}): ReferenceColumn {
  if (column.type === 'text') throw textColumn(column.name);
  if (column.type !== 'numeric') {
    const current = currentColumn(column) as CategoryCounts;
    const missing = current.missing;
    return {
      type: 'categorical',
      name: column.name,
      n: column.codes.length - missing,
      missing,
      categories: [...current.counts.keys()],
      counts: [...current.counts.values()],
    };
  }
  const sample = weightedSample(column.values);
  const cap = Math.max(3, options.cap ?? 10_000);
  const exact = sample.values.length <= cap;
  const { values, counts } = exact ? sample : centroids(sample, cap);
  return {
    type: 'numeric',
    name: column.name,
    n: sample.n,
    missing: column.values.length - sample.n,
    values: values.slice(),
    counts: counts.slice(),
    exact,
  };
}

/** A column as current values: its numbers, or the counts of the categories that occur. Throws for text. */
export function currentColumn(column: Column): CurrentColumn {
  if (column.type === 'text') throw textColumn(column.name);
  if (column.type === 'numeric') return column.values;
  const totals = new Float64Array(column.categories.length);
  for (let i = 0; i < columnLength(column); i++) {
    const code = column.codes[i]!;
    if (code >= 0) totals[code]!++;
  }
  const counts = new Map<string, number>();
  column.categories.forEach((category, code) => {
    if (totals[code]! > 0) counts.set(category, totals[code]!);
  });
  return { counts, missing: missingCount(column) };
}

/** Counts of a list of categories; null and undefined are missing. */
export function countCategories(values: Iterable<string | null | undefined>): CategoryCounts {
  const counts = new Map<string, number>();
  let missing = 0;
  for (const value of values) {
    if (value === null || value === undefined) missing++;
    else counts.set(value, (counts.get(value) ?? 0) + 1);
  }
  return { counts, missing };
}

/** Sorted distinct values with counts. `n` is the sum of the counts. */
export interface WeightedSample {
  readonly values: Float64Array;
  readonly counts: Float64Array;
  readonly n: number;
}

/** Finite values, sorted and counted. O(n log n), typed arrays only. */
export function weightedSample(raw: Float64Array): WeightedSample {
  const sorted = sortedFinite(raw);
  const counts = new Float64Array(sorted.length);
  let distinct = 0;
  for (let i = 0; i < sorted.length; i++) {
    // sort() puts -0 before 0; both are one value.
    if (distinct > 0 && sorted[distinct - 1] === sorted[i]) counts[distinct - 1]!++;
    else {
      sorted[distinct] = sorted[i]!;
      counts[distinct++] = 1;
    }
  }
  return { values: sorted.subarray(0, distinct), counts: counts.subarray(0, distinct), n: sorted.length };
}

/** The same view of a stored reference, whatever kind of array it came in. */
export function referenceSample(reference: NumericReference): WeightedSample {
  const values = Float64Array.from(reference.values);
  const counts = Float64Array.from(reference.counts);
  return { values, counts, n: counts.reduce((total, count) => total + count, 0) };
}

function centroids(sample: WeightedSample, cap: number): { values: Float64Array; counts: Float64Array } {
  const { values, counts, n } = sample;
  const last = values.length - 1;
  const outValues: number[] = [values[0]!];
  const outCounts: number[] = [counts[0]!];
  const inner = n - counts[0]! - counts[last]!;
  const bins = cap - 2;
  let done = 0;
  let bin = 0;
  let mass = 0;
  let moment = 0;
  for (let i = 1; i < last; i++) {
    mass += counts[i]!;
    moment += counts[i]! * values[i]!;
    if (((done + mass) * bins) / inner >= bin + 1 || i === last - 1) {
      outValues.push(moment / mass);
      outCounts.push(mass);
      done += mass;
      bin = Math.floor((done * bins) / inner);
      mass = 0;
      moment = 0;
    }
  }
  outValues.push(values[last]!);
  outCounts.push(counts[last]!);
  return { values: Float64Array.from(outValues), counts: Float64Array.from(outCounts) };
}

function textColumn(name: string): TabularError {
  return new TabularError('RK_TABULAR_COLUMN_TYPE', `Column "${name}" is free text and has no drift test.`, {
    column: name,
  });
}
