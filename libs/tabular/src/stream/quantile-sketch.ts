import { TabularError } from '../tabular-error.js';

/** Weights by bin number, ascending. */
export type SketchBins = readonly (readonly [bin: number, weight: number])[];

/**
 * Quantiles of numbers that do not fit in memory: plain JSON that can be stored, added to and merged
 * (DDSketch of Masson, Rim and Lee 2019). Bin b holds the sizes in (γᵇ⁻¹, γᵇ] with γ = (1 + α) / (1 − α).
 */
export interface QuantileSketch {
  /** α: the relative error of quantiles. */
  readonly relativeError: number;
  readonly positive: SketchBins;
  readonly negative: SketchBins;
  readonly zero: number;
  readonly missing: number;
  /** null before the first value. */
  readonly min: number | null;
  readonly max: number | null;
}

/** An empty sketch. `relativeError` between 0 and 1, default 0.001. */
export function createQuantileSketch(relativeError = 0.001): QuantileSketch {
  if (!(relativeError > 0 && relativeError < 1)) {
    throw new TabularError(
      'RK_TABULAR_ARGUMENT_INVALID',
      `The relative error of a sketch must be between 0 and 1; it is ${relativeError}.`,
    );
  }
  return { relativeError, positive: [], negative: [], zero: 0, missing: 0, min: null, max: null };
}

/**
 * The sketch with a chunk of values added. NaN counts as missing; ±Infinity throws RK_TABULAR_CELL_INVALID.
 * Memory grows with the logarithm of largest size / smallest size only: about ln(ratio) / 2α bins, 6,900 for
 * α = 0.001 and a ratio of a million.
 */
export function addToSketch(
  sketch: QuantileSketch,
  values: ArrayLike<number>,
  weights?: ArrayLike<number>,
): QuantileSketch {
  if (weights !== undefined && weights.length !== values.length) {
    throw new TabularError(
      'RK_TABULAR_ARGUMENT_INVALID',
      `${weights.length} weights were given for ${values.length} values.`,
    );
  }
  const logGamma = logGammaOf(sketch);
  const positive = new Map(sketch.positive);
  const negative = new Map(sketch.negative);
  let { zero, missing } = sketch;
  let min = sketch.min ?? Infinity;
  let max = sketch.max ?? -Infinity;
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    const weight = weights === undefined ? 1 : weights[i]!;
    if (Number.isNaN(value)) {
      missing++;
      continue;
    }
    if (!Number.isFinite(value)) {
      throw new TabularError(
        'RK_TABULAR_CELL_INVALID',
        `Value ${i} is ${value}; a sketch needs finite numbers.`,
      );
    }
    if (weight === 0) continue;
    min = Math.min(min, value);
    max = Math.max(max, value);
    if (value === 0) {
      zero += weight;
      continue;
    }
    const bins = value > 0 ? positive : negative;
    const bin = Math.ceil(Math.log(Math.abs(value)) / logGamma);
    bins.set(bin, (bins.get(bin) ?? 0) + weight);
  }
  return {
    relativeError: sketch.relativeError,
    positive: ascending(positive),
    negative: ascending(negative),
    zero,
    missing,
    min: min === Infinity ? null : min,
    max: max === -Infinity ? null : max,
  };
}

/**
 * The sketch of all values of both, exactly as if they had been added to one. Throws where the errors differ.
 */
export function mergeSketches(a: QuantileSketch, b: QuantileSketch): QuantileSketch {
  if (a.relativeError !== b.relativeError) {
    throw new TabularError(
      'RK_TABULAR_ARGUMENT_INVALID',
      `Sketches of relative errors ${a.relativeError} and ${b.relativeError} cannot be merged; use one error.`,
    );
  }
  const merged = (x: SketchBins, y: SketchBins): SketchBins => {
    const bins = new Map(x);
    for (const [bin, weight] of y) bins.set(bin, (bins.get(bin) ?? 0) + weight);
    return ascending(bins);
  };
  const least = [a.min, b.min].filter((value) => value !== null);
  const most = [a.max, b.max].filter((value) => value !== null);
  return {
    relativeError: a.relativeError,
    positive: merged(a.positive, b.positive),
    negative: merged(a.negative, b.negative),
    zero: a.zero + b.zero,
    missing: a.missing + b.missing,
    min: least.length === 0 ? null : Math.min(...least),
    max: most.length === 0 ? null : Math.max(...most),
  };
}

/** Weight of all values in the sketch. */
export function sketchWeight(sketch: QuantileSketch): number {
  return [...sketch.negative, ...sketch.positive].reduce((sum, [, weight]) => sum + weight, sketch.zero);
}

/**
 * Quantile q in [0, 1]: within relativeError · |x| of x, the value of rank ⌊q (n − 1)⌋ (from 0) in the sorted
 * values; exact for q = 0 and 1, and never outside [min, max]. NaN without values.
 */
export function sketchQuantile(sketch: QuantileSketch, q: number): number {
  if (!(q >= 0 && q <= 1)) {
    throw new TabularError('RK_TABULAR_ARGUMENT_INVALID', `A quantile must be between 0 and 1; it is ${q}.`);
  }
  if (sketch.min === null || sketch.max === null) return NaN;
  if (q === 0) return sketch.min;
  if (q === 1) return sketch.max;
  const rank = q * (sketchWeight(sketch) - 1);
  const logGamma = logGammaOf(sketch);
  // The value with the same relative distance to both ends of the bin.
  const middle = (bin: number): number => Math.exp(bin * logGamma + Math.log1p(-sketch.relativeError));
  let seen = 0;
  let value = sketch.max;
  for (const [size, weight] of [
    ...sketch.negative.map(([bin, w]) => [-middle(bin), w] as const).reverse(),
    [0, sketch.zero] as const,
    ...sketch.positive.map(([bin, w]) => [middle(bin), w] as const),
  ]) {
    seen += weight;
    if (weight > 0 && seen > rank) {
      value = size;
      break;
    }
  }
  return Math.min(sketch.max, Math.max(sketch.min, value));
}

function logGammaOf({ relativeError }: QuantileSketch): number {
  return Math.log1p(relativeError) - Math.log1p(-relativeError);
}

function ascending(bins: ReadonlyMap<number, number>): SketchBins {
  return [...bins].sort(([a], [b]) => a - b);
}
