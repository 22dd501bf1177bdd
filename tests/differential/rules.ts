import type { EncodingTarget, FittedPowerTransformer, FittedStep, StepSpec, Table } from '@rookery/tabular';

import { apart, TOLERANCE } from './check.js';
import type { Outcome, Verdict } from './check.js';
import type { Answer } from './oracle.js';
import type { Transformed } from './transformer-checks.js';

/** What a distance is divided by where a sample has no deviation. */
const leastDeviation = 0.001;
/** Some such numbers have a sum of squares beyond float64. */
export const overflowingSquares = 1e152;

/** Where a difference is deliberate: each rule says what must hold instead, and gives its name for the count. */
export const rules = {
  /** A power that float64 can't hold is refused; scikit-learn goes on with ∞. */
  beyondFloats(spec: StepSpec, ours: Outcome<unknown>, theirs: Answer<Transformed>): Verdict | undefined {
    if (spec.kind !== 'power_transformer' || !('refused' in ours) || 'error' in theirs) return undefined;
    const infinite = theirs.value.output.some((cells) =>
      cells.some((cell) => Math.abs(Number(cell)) === Infinity),
    );
    return infinite ? { apart: 0, rules: ['power beyond float64'] } : undefined;
  },

  /**
   * A deviation that float64 can't hold is refused; scikit-learn divides by ∞, NaN or 1. Where equal numbers of that size have no deviation,
   * scikit-learn has that of their mean's rounding error, which overflows too.
   */
  deviation(spec: StepSpec, train: Table, ours: Outcome<FittedStep>): Verdict | undefined {
    if (spec.kind !== 'standard_scaler') return undefined;
    const squaresOverflow = train.columns.some(
      (column) =>
        column.type === 'numeric' && column.values.some((value) => Math.abs(value) > overflowingSquares),
    );
    if (!squaresOverflow) return undefined;
    const held = 'refused' in ours || (ours.value.kind === spec.kind && ours.value.scale.every(isDeviation));
    return held ? { apart: 0, rules: ['deviation beyond float64'] } : undefined;
  },

  /** 0 and −0 are one category, called 0.0; scikit-learn calls it by the one that it met first. */
  names(theirs: readonly string[]): string[] {
    return theirs.map((name) => name.replace(/_-0\.0$/u, '_0.0'));
  },

  /** scikit-learn fills an empty column of texts with the number 0, we with the text: columns have one type. */
  cell(ours: unknown, theirs: unknown): string | undefined {
    return ours === '0' && theirs === 0 ? 'texts filled with "0"' : undefined;
  },

  /** λ is no less likely than SciPy's, whose search stops early. Words where it is. */
  lambdas(fitted: FittedPowerTransformer, train: Table, theirs: readonly number[]): string | undefined {
    for (const [j, column] of train.columns.entries()) {
      if (column.type !== 'numeric') continue;
      const values = column.values.filter((value) => !Number.isNaN(value));
      const [own, other] = [fitted.lambdas[j]!, theirs[j]!].map((lambda) =>
        likelihood(values, lambda, fitted.method),
      );
      if (own! < other! - 1e-9 * Math.max(1, Math.abs(other!))) {
        return `λ ${fitted.lambdas[j]} has likelihood ${own}, theirs ${theirs[j]} has ${other}`;
      }
    }
    return undefined;
  },

  /** A target called multiclass has three classes or more; scikit-learn takes fewer. */
  targetEncoder(target: EncodingTarget, ours: Outcome<unknown>): Verdict | undefined {
    const few = target.type === 'multiclass' && new Set(Array.from(target.values)).size < 3;
    return few ? mustRefuse(ours, 'multiclass of fewer than 3 classes') : undefined;
  },

  /** Steps whose columns are all dropped give nothing; scikit-learn refuses to go on with none. */
  emptyBranch(ours: Outcome<readonly unknown[]>, theirs: Answer<unknown>): Verdict | undefined {
    if (!('error' in theirs) || !theirs.error.includes('0 feature(s)') || 'refused' in ours) return undefined;
    return { apart: 0, rules: ['no columns left'] };
  },

  /** Rows that all weigh nothing have no metrics; scikit-learn refuses some and gives 0 or NaN for others. */
  noWeight(weights: readonly number[] | undefined, ours: Outcome<object>): Verdict | undefined {
    if (weights === undefined || weights.some((weight) => weight > 0)) return undefined;
    if ('value' in ours && Object.keys(ours.value).length === 0) return { apart: 0, rules: ['no weight'] };
    return { apart: Infinity, difference: 'rows without weight have metrics' };
  },

  /** A constant sample has no deviation to divide by; Evidently's formula in NumPy has its mean's rounding error. */
  constantReference(
    reference: readonly number[],
    current: readonly number[],
    score: number,
  ): Verdict | undefined {
    if (!reference.every((value) => value === reference[0])) return undefined;
    const distance =
      current.reduce((sum, value) => sum + Math.abs(value - reference[0]!), 0) / current.length;
    const difference = `${score} is not the distance over the least deviation`;
    return apart(score, distance / leastDeviation) <= TOLERANCE
      ? { apart: 0, rules: ['constant reference'] }
      : { apart: Infinity, difference };
  },

  /** A constant truth has r² and explained variance 1 or 0; scikit-learn divides by its mean's rounding error. */
  constantTruth(truth: readonly number[], name: string, ours: number | undefined): string | undefined {
    const ruled = (name === 'r2' || name === 'explained_variance') && truth.every((y) => y === truth[0]);
    return ruled && (ours === 0 || ours === 1 || ours === undefined) ? 'constant truth' : undefined;
  },

  /** A row without weight is as if it were not there; scikit-learn multiplies 0 by its infinite square. */
  weightless(ours: number | undefined, without: number | undefined): string | undefined {
    return ours === without ? 'row without weight' : undefined;
  },

  /** Errors that are all equal leave nothing unexplained; scikit-learn has the rounding error of their mean left. */
  constantError(
    truth: readonly number[],
    predictions: readonly number[],
    name: string,
    ours: number | undefined,
  ): string | undefined {
    const errors = truth.map((y, i) => y - predictions[i]!);
    const ruled = name === 'explained_variance' && errors.every((error) => error === errors[0]);
    return ruled && ours === 1 ? 'constant error' : undefined;
  },
};

/** Of a column that has values, or null of one that has none. */
function isDeviation(scale: number | string | null): boolean {
  return scale === null || (Number.isFinite(scale) && Number(scale) > 0);
}

function likelihood(values: Float64Array, lambda: number, method: FittedPowerTransformer['method']): number {
  const boxCox = (log: number, power: number): number =>
    Math.abs(power) < 1e-12 ? log : Math.expm1(power * log) / power;
  // Of one sign it is Box–Cox of 1 + |x|, which centred logarithms keep from cancelling (the unit does not matter).
  if (method === 'yeo-johnson' && values.every((x) => x < 0))
    return likelihood(
      values.map((x) => -x),
      2 - lambda,
      method,
    );
  const shifted = values.map((x) => (method === 'box-cox' ? x : x + 1));
  if (values.every((x) => method === 'box-cox' || x >= 0)) {
    const logs = shifted.map(Math.log);
    const middle = logs.reduce((a, b) => a + b, 0) / logs.length;
    const y = logs.map((log) => boxCox(log - middle, lambda));
    const mean = y.reduce((a, b) => a + b, 0) / y.length;
    return (-y.length / 2) * Math.log(y.reduce((sum, value) => sum + (value - mean) ** 2, 0) / y.length);
  }
  const logs = values.map((x) =>
    method === 'box-cox' ? Math.log(x) : Math.sign(x) * Math.log1p(Math.abs(x)),
  );
  const y = logs.map((log) =>
    method === 'box-cox' || log >= 0 ? boxCox(log, lambda) : -boxCox(-log, 2 - lambda),
  );
  const mean = y.reduce((a, b) => a + b, 0) / y.length;
  const variance = y.reduce((sum, value) => sum + (value - mean) ** 2, 0) / y.length;
  return (lambda - 1) * logs.reduce((a, b) => a + b, 0) - (y.length / 2) * Math.log(variance);
}

function mustRefuse(ours: Outcome<unknown>, rule: string): Verdict {
  if ('refused' in ours) return { apart: 0, rules: [rule] };
  return { apart: Infinity, difference: `we give a value in spite of the rule “${rule}”` };
}
