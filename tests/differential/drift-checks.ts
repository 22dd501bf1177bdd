import { buildReferenceColumn, columnDrift, countCategories } from '@rookery/tabular';
import type { DriftMethod, Random } from '@rookery/tabular';

import { compareNumbers, compareRefusals, outcomeOf } from './check.js';
import type { Check } from './check.js';
import { chance, mildNumbers, numbers, pick, rowCount, vocabulary } from './draw.js';
import type { Answer } from './oracle.js';
import { rules } from './rules.js';

const numericMethods = ['ks', 'chisquare', 'z', 'wasserstein', 'jensenshannon', 'psi', 'kl_div'] as const;
const categoryMethods = ['chisquare', 'z', 'jensenshannon', 'psi', 'kl_div'] as const;

/** Two samples of a column by one drift method. */
export function driftCheck(random: Random): Check {
  const rows = rowCount(random);
  const currentRows = rowCount(random);
  const numeric = chance(random, 0.6);
  const method: DriftMethod = numeric ? pick(random, numericMethods) : pick(random, categoryMethods);
  let reference: (number | string)[];
  let current: (number | string)[];
  if (numeric) {
    const draw = chance(random, 0.5) ? numbers : mildNumbers;
    const all = draw(random, rows + currentRows);
    const shift = pick(random, [0, 0, 0.5, 3]);
    reference = all.slice(0, rows);
    current = all.slice(rows).map((value) => value + shift);
  } else {
    const words = vocabulary(random);
    reference = Array.from({ length: rows }, () => pick(random, words));
    const more = chance(random, 0.3) ? [...words, 'new'] : words;
    current = Array.from({ length: currentRows }, () => pick(random, more));
  }
  const ours = outcomeOf(() => {
    const column = numeric
      ? ({ name: 'x', type: 'numeric', values: Float64Array.from(reference as number[]) } as const)
      : categorical(reference as string[]);
    const now = numeric ? Float64Array.from(current as number[]) : countCategories(current as string[]);
    const { score, statistic, status } = columnDrift(buildReferenceColumn(column), now, { method });
    return { score: status === 'ok' ? score! : NaN, statistic: statistic ?? Infinity };
  });
  const largest = numeric
    ? Math.max(...[...(reference as number[]), ...(current as number[])].map(Math.abs))
    : 0;
  return {
    name: `drift ${method}`,
    question: { kind: 'drift', method, reference, current },
    compare: (theirs: Answer<Record<string, number>>) =>
      compareRefusals(ours, theirs) ??
      (method === 'wasserstein' && 'value' in ours
        ? rules.constantReference(reference as number[], current as number[], ours.value.score)
        : undefined) ??
      compareNumbers(
        (ours as { value: Record<string, number> }).value,
        (theirs as { value: Record<string, number> }).value,
        (name) =>
          method === 'wasserstein'
            ? largest
            : name === 'score' && method !== 'ks' && method !== 'chisquare' && method !== 'z'
              ? 1e-3
              : 0,
      ),
  };
}

function categorical(cells: readonly string[]): {
  name: string;
  type: 'categorical';
  codes: Int32Array;
  categories: string[];
} {
  const categories = [...new Set(cells)];
  return {
    name: 'x',
    type: 'categorical',
    codes: Int32Array.from(cells, (cell) => categories.indexOf(cell)),
    categories,
  };
}
