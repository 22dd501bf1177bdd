import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { planSearch, trialPoint } from '../src/domain/search/search-plan.js';
import { gridPoint, parseSearchSpace, randomPoint, spaceSize } from '../src/domain/search/search-space.js';

const given = { seed: 42, epochs: 50 };
const space = {
  learningRate: { logUniform: [0.001, 0.1] },
  'modelSpec.layers[0].units': [8, 16, 32],
  batchSize: { int: [16, 20] },
};

describe('a search space', () => {
  it('has its settings in one order, however they are written', () => {
    const reversed = Object.fromEntries(Object.entries(space).reverse());
    expect(parseSearchSpace(reversed)).toEqual(parseSearchSpace(space));
  });

  it('counts the points of a grid and gives each exactly once', () => {
    const finite = parseSearchSpace({ batchSize: { int: [1, 4] }, epochs: [5, 10, 20] });
    expect(spaceSize(finite)).toBe(12);
    const points = Array.from({ length: 12 }, (_, index) => JSON.stringify(gridPoint(finite, index)));
    expect(new Set(points).size).toBe(12);
    expect(spaceSize(parseSearchSpace(space))).toBe(Infinity);
  });

  it('draws every value inside its range, the same for the same seed and trial', () => {
    const parsed = parseSearchSpace({
      ...space,
      'modelSpec.clip': { uniform: [-1, 1] },
      epochs: { logInt: [1, 100] },
    });
    fc.assert(
      fc.property(fc.nat(), fc.nat(10_000), (seed, trial) => {
        const point = randomPoint(parsed, seed, trial);
        expect(randomPoint(parsed, seed, trial)).toEqual(point);
        const value = Object.fromEntries(parsed.map(({ name }, i) => [name, point[i]])) as Record<
          string,
          number
        >;
        expect(value['learningRate']).toBeGreaterThanOrEqual(0.001);
        expect(value['learningRate']).toBeLessThanOrEqual(0.1);
        expect([8, 16, 32]).toContain(value['modelSpec.layers[0].units']);
        expect([16, 17, 18, 19, 20]).toContain(value['batchSize']);
        expect(Math.abs(value['modelSpec.clip']!)).toBeLessThanOrEqual(1);
        expect(Number.isInteger(value['epochs'])).toBe(true);
        expect(value['epochs']).toBeGreaterThanOrEqual(1);
        expect(value['epochs']).toBeLessThanOrEqual(100);
      }),
    );
  });

  it('spreads a logarithmic range evenly over its decades', () => {
    const parsed = parseSearchSpace({ learningRate: { logUniform: [0.001, 1] } });
    const draws = Array.from({ length: 3_000 }, (_, trial) => randomPoint(parsed, 7, trial)[0] as number);
    for (const [low, high] of [
      [0.001, 0.01],
      [0.01, 0.1],
      [0.1, 1],
    ] as const) {
      const share = draws.filter((x) => x >= low && x < high).length / draws.length;
      // Five standard deviations of a share of 3,000 draws.
      expect(Math.abs(share - 1 / 3)).toBeLessThan(0.043);
    }
  });

  it.each([
    ['nothing', {}, 'search.space'],
    ['a list', [], 'search.space'],
    ['an empty choice', { epochs: [] }, 'search.space.epochs'],
    ['a value twice', { epochs: [1, 1] }, 'search.space.epochs'],
    ['a range upside down', { epochs: { int: [5, 1] } }, 'search.space.epochs.int'],
    ['a fraction as the end of whole numbers', { epochs: { int: [0.5, 1] } }, 'search.space.epochs.int'],
    ['a logarithm of zero', { learningRate: { logUniform: [0, 1] } }, 'search.space.learningRate.logUniform'],
    ['an unknown distribution', { epochs: { normal: [0, 1] } }, 'search.space.epochs.normal'],
    ['two distributions', { epochs: { int: [1, 2], uniform: [1, 2] } }, 'search.space.epochs'],
    ['infinity', { learningRate: { uniform: [0, Infinity] } }, 'search.space.learningRate.uniform'],
    ['what identifies the data', { uri: ['a', 'b'] }, 'search.space.uri'],
    ['a path that is none', { 'modelSpec..x': [1] }, 'search.space.modelSpec..x'],
    ['the prototype', { 'modelSpec.__proto__.x': [1] }, 'search.space.modelSpec.__proto__.x'],
    [
      'one setting inside another',
      { modelSpec: [{}], 'modelSpec.layers': [[]] },
      'search.space.modelSpec.layers',
    ],
    ['one setting under two names', { batch_size: [1], batchSize: [2] }, 'search.space.batch_size'],
  ])('refuses %s, and names the field', (_, value, field) => {
    expect(() => parseSearchSpace(value)).toThrow(
      expect.objectContaining({ code: 'RK_SEARCH_INVALID', details: { field } }) as Error,
    );
  });
});

describe('the plan of a search', () => {
  it('fills in its defaults', () => {
    expect(planSearch({ space }, given)).toMatchObject({
      strategy: 'random',
      trials: 20,
      seed: 42,
      parallel: 4,
      rungs: undefined,
    });
    expect(planSearch({ space, strategy: 'asha' }, given)).toMatchObject({ eta: 3, rungs: [6, 17, 50] });
    expect(planSearch({ space, strategy: 'asha', minEpochs: 1, maxEpochs: 9 }, given).rungs).toEqual([
      1, 3, 9,
    ]);
  });

  it('tries each point of a small space once, by chance as well as on a grid', () => {
    const small = { batchSize: [8, 16, 32], epochs: { int: [1, 5] } };
    for (const strategy of ['grid', 'random']) {
      const plan = planSearch(
        { space: small, strategy, ...(strategy === 'random' ? { trials: 500 } : {}) },
        given,
      );
      expect(plan.trials).toBe(15);
      const points = Array.from({ length: 15 }, (_, trial) => JSON.stringify(trialPoint(plan, trial)));
      expect(new Set(points).size).toBe(15);
    }
  });

  it('refuses a grid of a thousand million points at once, with their number', () => {
    const dimension = { int: [1, 1000] };
    const huge = { epochs: dimension, batchSize: dimension, 'modelSpec.layers[0].units': dimension };
    expect(() => planSearch({ strategy: 'grid', space: huge }, given)).toThrow(
      expect.objectContaining({
        code: 'RK_SEARCH_TOO_LARGE',
        details: { field: 'search.space', points: '1000000000' },
      }) as Error,
    );
    expect(planSearch({ strategy: 'random', space: huge, trials: 3 }, given).trials).toBe(3);
  });

  it.each([
    ['search.space', null],
    ['search.space', { strategy: 'random' }],
    ['search.strategy', { strategy: 'bayes', space }],
    ['search.trails', { trails: 3, space }],
    ['search.trials', { trials: 0, space }],
    ['search.trials', { trials: 3, strategy: 'grid', space: { epochs: [1] } }],
    ['search.space.learningRate', { strategy: 'grid', space }],
    ['search.eta', { eta: 3, space }],
    ['search.space', { strategy: 'asha', space: { epochs: [1, 2] } }],
    ['search.minEpochs', { strategy: 'asha', minEpochs: 51, space }],
  ])('refuses a wrong %s', (field, value) => {
    expect(() => planSearch(value, given)).toThrow(
      expect.objectContaining({ code: 'RK_SEARCH_INVALID', details: { field } }) as Error,
    );
  });
});
