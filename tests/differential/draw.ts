import type { Column, NumericColumn, Random } from '@rookery/tabular';

/** Texts that are hard to tell apart, to sort or to write down. */
const TEXTS = [
  '', ' ', '  ', '\t', 'a', 'A', 'b', 'B', 'aa', 'ä', 'a\u0308', 'ß', 'ж', '日本', '😀', '\uE000', '\uFFFD', '𐀀', '1', '1.0',
  '01', '-0', '1e5', 'nan', 'NaN', 'None', 'null', 'true', 'inf', "it's", '"', '\\', 'a_b', 'a__b', '\u0000x', 'infrequent_sklearn',
]; // prettier-ignore

/** One of several, each as likely. */
export function pick<T>(random: Random, from: readonly T[]): T {
  return from[random.integer(from.length)]!;
}

/** True with this probability. */
export function chance(random: Random, probability: number): boolean {
  return random.uniform() < probability;
}

/** A number of rows: often very few. */
export function rowCount(random: Random): number {
  return pick(random, [1, 2, 3, 1 + random.integer(12), 5 + random.integer(60), 50 + random.integer(250)]);
}

const magnitudes = [1e-320, 5e-324, 1e-300, 1e-160, 1e-20, 1e-8, 1, 1, 1, 1e8, 1e15, 1e160, 1e300];

/** How the numbers of a column come about: ordinary ones, and what rounding, ties and ends of float64 make hard. */
const shapes: readonly ((random: Random) => () => number)[] = [
  (random) => () => random.normal(),
  (random) => () => random.normal(1e3, 20),
  (random) => () => random.integer(4),
  (random) => () => random.integer(2) - 1,
  (random) => {
    const only = random.normal() * pick(random, magnitudes);
    return () => only;
  },
  (random) => () => pick(random, [0, -0]),
  (random) => () => Math.exp(random.normal(0, 4)),
  (random) => () => Math.fround(random.normal(0, 0.1)),
  (random) => () => 2 ** 53 + 2 * random.integer(1000),
  (random) => () => 1e9 + random.normal(),
  (random) => () => 1 + random.integer(8) * Number.EPSILON,
  (random) => {
    const size = pick(random, magnitudes);
    return () => random.normal() * size;
  },
  (random) => () => random.normal() * pick(random, magnitudes),
  (random) => () => Math.round(random.normal(0, 3) * 10) / 10,
];

/** Numbers of one shape, some of them repeated. */
export function numbers(random: Random, rows: number): number[] {
  const draw = pick(random, shapes)(random);
  return Array.from({ length: rows }, draw);
}

/** Numbers of an ordinary size: ties, constants and offsets, but nothing near the ends of float64. */
export function mildNumbers(random: Random, rows: number): number[] {
  const draw = pick(random, [...shapes.slice(0, 4), ...shapes.slice(6, 8), shapes[13]!])(random);
  return Array.from({ length: rows }, draw);
}

/** What is missing of a column: nothing, some, or all. */
export function missingShare(random: Random): number {
  return pick(random, [0, 0, 0, 0.1, 0.5, 1]);
}

/** A numeric column with missing cells. */
export function numericColumn(random: Random, name: string, rows: number): NumericColumn {
  const share = missingShare(random);
  const values = numbers(random, rows).map((value) => (chance(random, share) ? NaN : value));
  return { name, type: 'numeric', values: Float64Array.from(values) };
}

/** Texts of a vocabulary drawn anew: few or very many different ones. */
export function vocabulary(random: Random): string[] {
  const many = chance(random, 0.1);
  const size = 1 + random.integer(many ? 120 : 7);
  const texts = Array.from({ length: size }, (_, i) => (many ? `c${i}` : pick(random, TEXTS)));
  return [...new Set(texts)];
}

/** A column of texts of the vocabulary; null is missing. */
export function textColumn(
  random: Random,
  name: string,
  rows: number,
  words: readonly string[],
  share = missingShare(random),
): Column {
  const cells = Array.from({ length: rows }, () =>
    chance(random, share) ? -1 : Math.min(random.integer(words.length), random.integer(words.length)),
  );
  return { name, type: 'categorical', codes: Int32Array.from(cells), categories: [...words] };
}

/** Weights of rows: ordinary, whole, some zero, or tiny and huge together. */
export function rowWeights(random: Random, rows: number): number[] {
  const draw = pick<() => number>(random, [
    () => random.uniform(0.1, 2),
    () => 1 + random.integer(5),
    () => random.integer(3),
    () => random.uniform() * pick(random, [1e-12, 1, 1e6]),
    () => random.uniform(1e-200, 2e-200),
  ]);
  return Array.from({ length: rows }, draw);
}
