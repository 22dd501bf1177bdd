import type { Answer } from './oracle.js';

/** What one comparison came to. */
export interface Verdict {
  /** Largest difference, relative to the numbers' size. */
  readonly apart: number;
  /** What differs, in words; absent where nothing does. */
  readonly difference?: string;
  /** Names of the deliberate differences that this case shows (see rules.ts). */
  readonly rules?: readonly string[];
}

/** What a function of ours came to: a value, or a refusal with a code of the table. */
export type Outcome<T> = { readonly value: T } | { readonly refused: string };

/** One case: a question to the oracle, our own answer, and how both compare. */
export interface Check {
  /** Under which it is counted. */
  readonly name: string;
  readonly question: object;
  /** Resolves how our answer compares with the oracle's. */
  readonly compare: (theirs: Answer<never>) => Verdict;
}

/** Agreement asked of deterministic float64 functions. */
export const TOLERANCE = 1e-12;

/** Runs a function of ours; anything thrown but a refusal with a code is a defect and passes through. */
export function outcomeOf<T>(work: () => T): Outcome<T> {
  try {
    return { value: work() };
  } catch (error) {
    const { code } = error as { code?: unknown };
    if (typeof code === 'string' && code.startsWith('RK_')) return { refused: code };
    throw error;
  }
}

/**
 * How far two numbers are apart, relative to the larger one or to `size` (of what they were computed from, where rounding of
 * that is part of both): 0 for equal ones (NaN equals NaN, −0 equals 0), ∞ where only one is finite.
 */
export function apart(ours: number, theirs: number, size = 0): number {
  if (ours === theirs || (Number.isNaN(ours) && Number.isNaN(theirs))) return 0;
  if (!Number.isFinite(ours) || !Number.isFinite(theirs)) return Infinity;
  return Math.abs(ours - theirs) / Math.max(Math.abs(ours), Math.abs(theirs), size);
}

/** Compares numbers by name; what only one side has counts as NaN there. */
export function compareNumbers(
  ours: Readonly<Record<string, number>>,
  theirs: Readonly<Record<string, number>>,
  size: (name: string) => number = () => 0,
  tolerance = TOLERANCE,
): Verdict {
  let worst = 0;
  const different: string[] = [];
  for (const [name, wanted] of Object.entries(theirs)) {
    const own = ours[name] ?? NaN;
    const distance = apart(own, wanted, size(name));
    if (distance > tolerance) different.push(`${name}: ours ${own}, theirs ${wanted}`);
    else worst = Math.max(worst, distance);
  }
  return different.length === 0
    ? { apart: worst }
    : { apart: Infinity, difference: different.slice(0, 4).join('; ') };
}

/** Exact agreement of plain data. */
export function compareExactly(ours: unknown, theirs: unknown): Verdict {
  const [a, b] = [ours, theirs].map((value) => JSON.stringify(value));
  if (a === b) return { apart: 0 };
  return { apart: Infinity, difference: `ours ${a!.slice(0, 300)}, theirs ${b!.slice(0, 300)}` };
}

/** The verdict where a side refuses; undefined where both have a value. */
export function compareRefusals<T>(ours: Outcome<T>, theirs: Answer<unknown>): Verdict | undefined {
  if ('refused' in ours && 'error' in theirs) return { apart: 0 };
  if ('refused' in ours)
    return { apart: Infinity, difference: `we refuse (${ours.refused}), they give a value` };
  if ('error' in theirs)
    return { apart: Infinity, difference: `they refuse (${theirs.error}), we give a value` };
  return undefined;
}
