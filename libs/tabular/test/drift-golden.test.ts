import { describe, expect, it } from 'vitest';
import {
  buildReferenceColumn,
  chiSquareSurvival,
  columnDrift,
  columnFromValues,
  currentColumn,
  erfc,
  kolmogorovSmirnovPValue,
  kolmogorovSurvival,
} from '../src/index.js';
import type { Column, ColumnDrift, DriftMethod } from '../src/index.js';
import { goldenCases, goldenJson, relativeError } from './golden.js';

const TOLERANCE = 1e-9;
/** Smaller numbers lose digits as denormals. */
const SMALLEST_NORMAL = 2.2250738585072014e-308;

interface DistributionCase {
  title: string;
  kind: 'kstwo' | 'chi2' | 'erfc';
  n: number;
  d: number;
  x: number;
  df: number;
  p: number;
}

describe('distributions equal SciPy', () => {
  it.each(goldenCases<DistributionCase>('drift/distributions.json'))('$title', ({ kind, n, d, x, df, p }) => {
    const actual =
      kind === 'kstwo' ? kolmogorovSurvival(n, d) : kind === 'chi2' ? chiSquareSurvival(x, df) : erfc(x);
    expect(relativeError(actual, p, SMALLEST_NORMAL)).toBeLessThanOrEqual(TOLERANCE);
  });
});

interface KsCase {
  title: string;
  n1: number;
  n2: number;
  statistic: number;
  p: number;
}

describe('two-sample Kolmogorov–Smirnov p-values equal SciPy', () => {
  it.each(goldenCases<KsCase>('drift/ks.json'))('$title', ({ n1, n2, statistic, p }) => {
    expect(relativeError(kolmogorovSmirnovPValue(statistic, n1, n2), p, SMALLEST_NORMAL)).toBeLessThanOrEqual(
      TOLERANCE,
    );
    expect(relativeError(kolmogorovSmirnovPValue(statistic, n2, n1), p, SMALLEST_NORMAL)).toBeLessThanOrEqual(
      TOLERANCE,
    );
  });
});

interface ColumnCase {
  title: string;
  sample: string;
  type: 'numeric' | 'categorical';
  asked: DriftMethod | 'auto';
  method: DriftMethod;
  score: number;
}

type Samples = Record<string, [Cell[], Cell[]]>;
type Cell = number | string | null;

function columnOf(type: 'numeric' | 'categorical', cells: Cell[]): Column {
  if (type === 'categorical') return columnFromValues('x', type, cells);
  return {
    name: 'x',
    type,
    values: Float64Array.from(cells, (c) =>
      c === null ? NaN : c === 'inf' ? Infinity : c === '-inf' ? -Infinity : Number(c),
    ),
  };
}

function driftOf({ type, asked, sample }: ColumnCase, samples: Samples): ColumnDrift {
  const [reference, current] = samples[sample]!;
  const built = buildReferenceColumn(columnOf(type, reference));
  // A reference travels as JSON or protobuf: as plain arrays.
  const travelled =
    built.type === 'numeric'
      ? { ...built, values: [...Array.from(built.values)], counts: [...Array.from(built.counts)] }
      : built;
  return columnDrift(travelled, currentColumn(columnOf(type, current)), { method: asked });
}

const columns = goldenJson('drift/columns.json') as {
  samples: Samples;
  cases: (ColumnCase & { referenceRows: number; currentRows: number })[];
};

describe('column drift equals the SciPy definitions', () => {
  it.each(columns.cases)('$title', (golden) => {
    const result = driftOf(golden, columns.samples);
    expect(result).toMatchObject({
      status: 'ok',
      method: golden.method,
      referenceRows: golden.referenceRows,
      currentRows: golden.currentRows,
    });
    // A distance of 0 is that to rounding: floor 1e-6.
    const floor = result.kind === 'distance' ? 1e-6 : SMALLEST_NORMAL;
    expect(relativeError(result.score!, golden.score, floor)).toBeLessThanOrEqual(TOLERANCE);
  });
});

const evidently = goldenJson('drift/evidently.json') as {
  samples: Samples;
  cases: (ColumnCase & { drifted: boolean; threshold: number })[];
};

describe('column drift equals Evidently', () => {
  it.each(evidently.cases)('$title', (golden) => {
    const result = driftOf(golden, evidently.samples);
    expect(result).toMatchObject({
      status: 'ok',
      method: golden.method,
      threshold: golden.threshold,
      drifted: golden.drifted,
    });
    // Evidently's z p-values are 2 (1 − Φ): exact to 1e-16 absolute only.
    const floor = golden.method === 'z' ? 1e-6 : 1e-12;
    expect(relativeError(result.score!, golden.score, floor)).toBeLessThanOrEqual(TOLERANCE);
  });
});
