import { createRandom, deriveSeed, fitColumnTransformer, transformColumnTransformer } from '@rookery/tabular';
import type { Random, Table } from '@rookery/tabular';

import type { SuiteRun } from '../suite/suite-run.js';
import type { Check } from './check.js';
import { driftCheck } from './drift-checks.js';
import { calibrationCheck, classificationCheck, multilabelCheck, regressionCheck } from './metric-checks.js';
import type { Oracle } from './oracle.js';
import { splitCheck, stratifiedHoldOutCheck } from './split-checks.js';
import {
  columnTransformerCheck,
  labelEncoderCheck,
  targetEncoderCheck,
  transformerCheck,
} from './transformer-checks.js';
import type { ComposeSpec } from './transformer-checks.js';

/** What is drawn, and how often in comparison. */
const families: readonly (readonly [number, (random: Random) => Check])[] = [
  [8, transformerCheck],
  [2, targetEncoderCheck],
  [1, labelEncoderCheck],
  [2, (random) => columnTransformerCheck(random, composed)],
  [3, splitCheck],
  [1, stratifiedHoldOutCheck],
  [3, classificationCheck],
  [2, multilabelCheck],
  [3, regressionCheck],
  [1, calibrationCheck],
  [4, driftCheck],
];

/** What was found of one function. */
export interface Tally {
  cases: number;
  /** Cases where the oracle refuses, and so do we. */
  refused: number;
  differences: number;
  /** Largest relative difference within the tolerance. */
  worst: number;
  /** Cases by deliberate difference. */
  rules: Record<string, number>;
}

export interface Comparison {
  readonly oracle: Oracle;
  /** Cases to draw: numbers from `first` on. */
  readonly cases: number;
  readonly first: number;
  readonly seed: number;
  /** Only functions whose name contains this. */
  readonly only: string;
}

/** Draws cases and compares; case i of a seed is the same whatever was drawn before. Every difference is logged. */
export async function compareAll(
  { oracle, cases, first, seed, only }: Comparison,
  { log, signal }: SuiteRun,
): Promise<Map<string, Tally>> {
  const tallies = new Map<string, Tally>();
  for (let at = first; at < first + cases; at++) {
    signal?.throwIfAborted();
    const random = createRandom(deriveSeed(seed, 'differential', at));
    const check = drawn(random);
    if (!check.name.includes(only)) continue;
    const answer = await oracle.ask<never>(check.question);
    const verdict = check.compare(answer);
    const tally = tallies.get(check.name) ?? { cases: 0, refused: 0, differences: 0, worst: 0, rules: {} };
    tallies.set(check.name, tally);
    tally.cases++;
    if ('error' in answer) tally.refused++;
    for (const rule of verdict.rules ?? []) tally.rules[rule] = (tally.rules[rule] ?? 0) + 1;
    if (verdict.difference === undefined) tally.worst = Math.max(tally.worst, verdict.apart);
    else {
      tally.differences++;
      log(`${check.name}: ${verdict.difference}`);
      log(
        `  repeat: --seed ${seed} --first ${at} --cases 1; ${JSON.stringify(check.question).slice(0, 600)}`,
      );
    }
  }
  return tallies;
}

function drawn(random: Random): Check {
  let at = random.integer(families.reduce((sum, [share]) => sum + share, 0));
  for (const [share, draw] of families) {
    if (at < share) return draw(random);
    at -= share;
  }
  throw new Error('unreachable');
}

function composed(train: Table, test: Table, branches: ComposeSpec): Table {
  const transformers = branches.map(({ name, columns, steps }) => ({
    name,
    steps,
    columns: columns.map((j) => `x${j}`),
  }));
  return transformColumnTransformer(fitColumnTransformer(train, { transformers }), test);
}
