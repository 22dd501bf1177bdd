import { describe, expect, it } from 'vitest';

import { faultKinds, planRound, stages, targets } from './schedule.js';

describe('the schedule', () => {
  it('is the same for the same seed and round, and another for another', () => {
    expect(planRound(5, 3)).toEqual(planRound(5, 3));
    expect(planRound(5, 3)).not.toEqual({ ...planRound(5, 4), round: 3 });
    expect(planRound(5, 3)).not.toEqual(planRound(6, 3));
  });

  it('strikes with every fault, every process by every signal, and has every data set, within 500 rounds', () => {
    const plans = Array.from({ length: 500 }, (_, round) => planRound(1, round));
    const faults = plans.flatMap(({ strikes }) => strikes.map(({ fault }) => fault));
    expect(new Set(faults.map(({ kind }) => kind))).toEqual(new Set(faultKinds));
    const struck = faults.flatMap((fault) => ('target' in fault ? [`${fault.kind} ${fault.target}`] : []));
    const signals = struck.filter((fault) => /^(kill|term|pause) /.test(fault));
    expect(new Set(signals).size).toBe(3 * (targets.length + 1));
    const clocks = struck.filter((fault) => fault.startsWith('skew '));
    expect(new Set(clocks).size).toBe(targets.length);
    const disks = struck.filter((fault) => fault.startsWith('disk-full '));
    expect(new Set(disks).size).toBe(5);
    expect(new Set(plans.flatMap(({ datasets }) => datasets.map(({ kind }) => kind))).size).toBe(5);
  });

  it('plans every fault at every stage within 50 rounds, whatever the seed', () => {
    for (const seed of [1, 2, 1001]) {
      const plans = Array.from({ length: 50 }, (_, k) => planRound(seed, k + 1));
      const pairs = plans.flatMap(({ strikes }) =>
        strikes.map(({ fault, stage }) => `${fault.kind} ${stage}`),
      );
      expect(new Set(pairs).size).toBe(faultKinds.length * stages.length);
    }
  });

  it('keeps to the kinds of faults that are asked for', () => {
    const faults = Array.from({ length: 50 }, (_, round) => planRound(1, round, ['cut', 'term'])).flatMap(
      ({ strikes }) => strikes.map(({ fault }) => fault.kind),
    );
    expect(new Set(faults)).toEqual(new Set(['cut', 'term']));
  });
});
