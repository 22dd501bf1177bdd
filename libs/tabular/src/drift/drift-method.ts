/** Drift tests. The first three give a p-value, the others a distance. */
export type DriftMethod = 'ks' | 'chisquare' | 'z' | 'wasserstein' | 'jensenshannon' | 'psi' | 'kl_div';

/** p-value: drift where the score is small. Distance: drift where it is large. */
export type DriftScoreKind = 'p_value' | 'distance';

/** Kind of score, default threshold and column types of each method. */
export const driftMethods: Readonly<
  Record<DriftMethod, { kind: DriftScoreKind; threshold: number; numeric: boolean; categorical: boolean }>
> = {
  ks: { kind: 'p_value', threshold: 0.05, numeric: true, categorical: false },
  chisquare: { kind: 'p_value', threshold: 0.05, numeric: true, categorical: true },
  z: { kind: 'p_value', threshold: 0.05, numeric: true, categorical: true },
  wasserstein: { kind: 'distance', threshold: 0.1, numeric: true, categorical: false },
  jensenshannon: { kind: 'distance', threshold: 0.1, numeric: true, categorical: true },
  psi: { kind: 'distance', threshold: 0.1, numeric: true, categorical: true },
  kl_div: { kind: 'distance', threshold: 0.1, numeric: true, categorical: true },
};

/** References of more rows than this are compared by a distance instead of a p-value. */
export const LARGE_REFERENCE_ROWS = 1000;

/**
 * Default method. `rows` are the reference's non-missing rows, `distinct` the distinct values of reference and
 * current together; the number of current rows plays no part.
 * Numeric: more than 5 distinct → ks, or wasserstein beyond 1000 rows; otherwise, and categorical: chisquare for
 * more than 2 distinct, z for at most 2, and jensenshannon beyond 1000 rows.
 */
export function selectDriftMethod(
  type: 'numeric' | 'categorical',
  rows: number,
  distinct: number,
): DriftMethod {
  const large = rows > LARGE_REFERENCE_ROWS;
  if (type === 'numeric' && distinct > 5) return large ? 'wasserstein' : 'ks';
  if (large) return 'jensenshannon';
  return distinct > 2 ? 'chisquare' : 'z';
}

/** Whether the score means drift: p < threshold (ks: ≤), or distance ≥ threshold. */
export function isDrift(method: DriftMethod, score: number, threshold: number): boolean {
  if (driftMethods[method].kind === 'distance') return score >= threshold;
  return method === 'ks' ? score <= threshold : score < threshold;
}
