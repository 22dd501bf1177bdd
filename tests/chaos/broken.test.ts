import { fileURLToPath } from 'node:url';

import { describe, expect, it } from 'vitest';

import { breaks } from './broken-services.js';
import type { Break } from './broken-services.js';
import { runChaos } from './chaos.js';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** Seeds whose first rounds bring the break out; what each must violate. */
const cases: readonly (readonly [Break, number, RegExp])[] = [
  ['dedupe-off', 1, /one version for each accepted run/],
  ['ack-before-save', 249, /one final state for each data set/],
  ['alias-without-cas', 1, /alias history without gap or fork/],
];

describe('the checker', () => {
  it.each(cases)('notices a system with %s', { timeout: 240_000 }, async (broken, seed, invariant) => {
    const lines: string[] = [];
    const report = await runChaos({
      root,
      rounds: 6,
      seed,
      broken,
      kinds: breaks[broken],
      log: (line) => lines.push(line),
    });
    const found = report.violations.map((violation) => violation.invariant).join('\n');
    expect(found, lines.join('\n')).toMatch(invariant);
  });
});
