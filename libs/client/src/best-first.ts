import type { Attempt, GetSearchResponse } from '@rookery/proto/rookery/transform/v1/transform';

/**
 * The attempts of a search, the most promising first: those that got furthest (the highest rung) before the others, the
 * best trial before its equals, then by score from the better side; without a score last, by trial.
 */
export function bestFirst({ attempts, lowerIsBetter, result }: GetSearchResponse): Attempt[] {
  const worse = (a: number, b: number): number => (lowerIsBetter ? a - b : b - a);
  return [...attempts].sort(
    (a, b) =>
      b.rung - a.rung ||
      Number(b.trial === result?.bestTrial) - Number(a.trial === result?.bestTrial) ||
      Number(b.score !== undefined) - Number(a.score !== undefined) ||
      worse(a.score ?? 0, b.score ?? 0) ||
      a.trial - b.trial,
  );
}
