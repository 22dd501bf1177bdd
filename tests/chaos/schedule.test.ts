import { describe, expect, it } from 'vitest';

import { faultKinds, planRound, targets } from './schedule.js';

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
    expect(new Set(struck).size).toBe(3 * (targets.length + 1));
    expect(new Set(plans.flatMap(({ datasets }) => datasets.map(({ kind }) => kind))).size).toBe(5);
  });

  it('keeps to the kinds of faults that are asked for', () => {
    const faults = Array.from({ length: 50 }, (_, round) => planRound(1, round, ['cut', 'term'])).flatMap(
      ({ strikes }) => strikes.map(({ fault }) => fault.kind),
    );
    expect(new Set(faults)).toEqual(new Set(['cut', 'term']));
  });
});
