import { TabularError } from '../tabular-error.js';
import type { Fold } from './folds.js';

export interface TimeSeriesOptions {
  /** Rows left out between training and test rows. Default 0. */
  readonly gap?: number;
  /** Most training rows: the latest ones. Default all. */
  readonly maxTrainSize?: number;
  /** Rows of each test fold. Default ⌊n / (k + 1)⌋. */
  readonly testSize?: number;
  /** Row numbers that the positions stand for, in time order. Default 0 … n − 1. */
  readonly rows?: ArrayLike<number>;
}

/**
 * k splits of n rows in time order: consecutive test folds at the end, each trained on rows before it only.
 * As scikit-learn 1.9.1 `TimeSeriesSplit`. Throws RK_TABULAR_FOLDS_INVALID where the rows do not suffice.
 */
export function timeSeriesSplit(n: number, k: number, options: TimeSeriesOptions = {}): Fold[] {
  const gap = options.gap ?? 0;
  const testSize = options.testSize ?? Math.floor(n / (k + 1));
  const counts = [n, k, gap, testSize, options.maxTrainSize ?? 1];
  if (counts.some((count) => !Number.isInteger(count) || count < 0) || k < 2 || options.maxTrainSize === 0) {
    throw invalid(
      `A time series split needs at least 2 splits and whole numbers of rows; it got ${k} splits, gap ${gap}, test size ${testSize}.`,
    );
  }
  if (options.rows !== undefined && options.rows.length !== n) {
    throw invalid(`${options.rows.length} row numbers were given for ${n} rows.`);
  }
  if (k + 1 > n || testSize === 0) throw invalid(`${k} splits need at least ${k + 1} rows; there are ${n}.`);
  if (n - gap - testSize * k <= 0) {
    throw invalid(`${k} splits of ${testSize} test rows and a gap of ${gap} leave no training row of ${n}.`);
  }
  const range = (from: number, to: number): Uint32Array =>
    Uint32Array.from({ length: to - from }, (_, i) =>
      options.rows === undefined ? from + i : options.rows[from + i]!,
    );
  return Array.from({ length: k }, (_, i) => {
    const start = n - (k - i) * testSize;
    const end = start - gap;
    const from = options.maxTrainSize === undefined ? 0 : Math.max(0, end - options.maxTrainSize);
    return { train: range(from, end), test: range(start, start + testSize) };
  });
}

function invalid(message: string): TabularError {
  return new TabularError('RK_TABULAR_FOLDS_INVALID', message);
}
