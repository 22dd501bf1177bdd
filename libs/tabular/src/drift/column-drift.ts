import { compareCategories } from '../table/category-order.js';
import { unionBins } from './bins.js';
import type { Bins, TestResult } from './bins.js';
import { chiSquareTest } from './chi-square.js';
import { driftMethods, isDrift, selectDriftMethod } from './drift-method.js';
import type { DriftMethod, DriftScoreKind } from './drift-method.js';
import { jensenShannonDistance, klDivergence, psi } from './divergences.js';
import { kolmogorovSmirnovTest } from './kolmogorov-smirnov.js';
import { needsBins, sturgesBins } from './sturges-bins.js';
import { referenceSample, weightedSample } from './reference-column.js';
import type { CurrentColumn, NumericReference, ReferenceColumn, WeightedSample } from './reference-column.js';
import { normalisedWasserstein } from './wasserstein.js';
import { zTest } from './z-test.js';

export interface DriftOptions {
  /** Default 'auto': see selectDriftMethod. */
  readonly method?: DriftMethod | 'auto';
  /** Default: the method's own, 0.05 for p-values and 0.1 for distances. */
  readonly threshold?: number;
  /** Fewer non-missing current rows than this are 'insufficient'. Default 1. */
  readonly minimumRows?: number;
}

/** Drift of one column. JSON-serialisable (an infinite statistic is left out). */
export interface ColumnDrift {
  readonly column: string;
  readonly type: 'numeric' | 'categorical';
  /** `insufficient`: too few rows to test. `error`: the method does not apply. `message` says why. */
  readonly status: 'ok' | 'insufficient' | 'error';
  readonly message?: string;
  /** Absent where no method was chosen. */
  readonly method?: DriftMethod;
  readonly kind?: DriftScoreKind;
  /** p-value or distance; null unless status is ok. */
  readonly score: number | null;
  readonly threshold: number | null;
  /** False unless status is ok. */
  readonly drifted: boolean;
  /** Of p-value methods. */
  readonly statistic?: number;
  readonly pValue?: number;
  /** Non-missing rows compared. */
  readonly referenceRows: number;
  readonly currentRows: number;
}

/**
 * Compare current values with the reference by one test. Never throws for data: an empty or all-missing side is
 * 'insufficient', a method or type that does not fit is 'error'. Missing cells and ±Infinity are left out (see
 * dataQuality for them).
 */
export function columnDrift(
  reference: ReferenceColumn,
  current: CurrentColumn,
  options: DriftOptions = {},
): ColumnDrift {
  const numericCurrent = current instanceof Float64Array;
  const refused = (status: 'insufficient' | 'error', message: string, currentRows: number): ColumnDrift => ({
    column: reference.name,
    type: reference.type,
    status,
    message,
    score: null,
    threshold: null,
    drifted: false,
    referenceRows: reference.n,
    currentRows,
  });
  if (numericCurrent !== (reference.type === 'numeric')) {
    const given = numericCurrent ? 'numbers' : 'categories';
    return refused('error', `the reference is ${reference.type}, but current values are ${given}`, 0);
  }
  const prepared = prepare(reference, current);
  const { currentRows } = prepared;
  if (reference.n === 0) return refused('insufficient', 'the reference has no value', currentRows);
  const minimum = Math.max(1, options.minimumRows ?? 1);
  if (currentRows < minimum) {
    return refused(
      'insufficient',
      `${currentRows} current values, at least ${minimum} are needed`,
      currentRows,
    );
  }
  const method =
    options.method === undefined || options.method === 'auto'
      ? selectDriftMethod(reference.type, reference.n, prepared.bins.reference.length)
      : options.method;
  const known = Object.hasOwn(driftMethods, method) ? driftMethods[method] : undefined;
  if (known === undefined || !known[reference.type]) {
    return refused('error', `method ${method} does not apply to ${reference.type} columns`, currentRows);
  }
  const threshold = options.threshold ?? known.threshold;
  const result = runMethod(method, prepared);
  if (Number.isNaN(result.score)) return refused('error', `method ${method} gave no number`, currentRows);
  return {
    column: reference.name,
    type: reference.type,
    status: 'ok',
    method,
    kind: known.kind,
    score: result.score,
    threshold,
    drifted: isDrift(method, result.score, threshold),
    ...(result.statistic !== undefined && Number.isFinite(result.statistic)
      ? { statistic: result.statistic }
      : {}),
    ...(known.kind === 'p_value' ? { pValue: result.score } : {}),
    referenceRows: reference.n,
    currentRows,
  };
}

/** Counts of both sides over the sorted union of their values, and the samples of numeric columns. */
interface Prepared {
  readonly bins: Bins;
  readonly samples?: { readonly reference: WeightedSample; readonly current: WeightedSample };
  readonly currentRows: number;
}

function prepare(reference: ReferenceColumn, current: CurrentColumn): Prepared {
  if (current instanceof Float64Array) {
    const samples = {
      reference: referenceSample(reference as NumericReference),
      current: weightedSample(current),
    };
    return { bins: unionBins(samples.reference, samples.current), samples, currentRows: samples.current.n };
  }
  const totals = new Map<string, [number, number]>();
  if (reference.type === 'categorical') {
    reference.categories.forEach((category, i) => {
      if (reference.counts[i]! > 0) totals.set(category, [reference.counts[i]!, 0]);
    });
  }
  let currentRows = 0;
  for (const [category, count] of current.counts) {
    if (count <= 0) continue;
    currentRows += count;
    const pair = totals.get(category);
    if (pair === undefined) totals.set(category, [0, count]);
    else pair[1] += count;
  }
  const sorted = [...totals.keys()].sort(compareCategories).map((category) => totals.get(category)!);
  return {
    bins: {
      reference: Float64Array.from(sorted, (p) => p[0]),
      current: Float64Array.from(sorted, (p) => p[1]),
    },
    currentRows,
  };
}

function runMethod(method: DriftMethod, { bins, samples }: Prepared): TestResult {
  switch (method) {
    case 'ks':
      return kolmogorovSmirnovTest(bins);
    case 'chisquare':
      return chiSquareTest(bins);
    case 'z':
      return zTest(bins);
    case 'wasserstein':
      return { score: normalisedWasserstein(samples!.reference, samples!.current) };
    default: {
      const shared =
        samples !== undefined && needsBins(samples.reference)
          ? sturgesBins(samples.reference, samples.current)
          : bins;
      if (method === 'jensenshannon') return { score: jensenShannonDistance(shared) };
      return { score: method === 'psi' ? psi(shared) : klDivergence(shared) };
    }
  }
}
