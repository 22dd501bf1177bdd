import { describe, expect, it } from 'vitest';
import { countParameters, defaultSpec, validateSpec } from '@rookery/nn';

const context = { task: 'classification', inputs: 9, outputs: 3 } as const;

describe('a spec', () => {
  it('that is left out is the default: Dense 10, 8 and one softmax unit a class, SGD 0.01, 50 epochs of 32', () => {
    const standard = defaultSpec('classification', 9, 3);
    for (const nothing of [undefined, null, {}]) expect(validateSpec(nothing, context)).toEqual(standard);
    expect(standard.layers).toEqual([
      { type: 'dense', units: 10, activation: 'relu' },
      { type: 'dense', units: 8, activation: 'relu' },
      { type: 'dense', units: 3, activation: 'softmax' },
    ]);
    expect(standard).toMatchObject({
      optimizer: { type: 'sgd', learningRate: 0.01 },
      epochs: 50,
      batchSize: 32,
    });
    expect(countParameters(standard, 9)).toBe(100 + 88 + 27);
  });

  it('that is complete is itself, through JSON too', () => {
    const regression = { task: 'regression', inputs: 4, outputs: 1 } as const;
    const whole = validateSpec({ layers: [{ units: 5 }, {}], optimizer: 'adam', epochs: 7 }, regression);
    expect(whole.layers[1]).toEqual({ type: 'dense', units: 1, activation: 'linear' });
    expect(whole.targetScaling).toBe('standard');
    expect(validateSpec(JSON.parse(JSON.stringify(whole)), regression)).toEqual(whole);
  });

  it.each([
    ['spec', 'text'],
    ['spec', []],
    ['epoch', { epoch: 5 }],
    ['task', { task: 'regression' }],
    ['layers', { layers: [] }],
    ['layers', { layers: 'dense' }],
    ['layers[0].type', { layers: [{ type: 'lstm' }, {}] }],
    ['layers[0].units', { layers: [{ units: 0 }, {}] }],
    ['layers[0].units', { layers: [{ type: 'dense' }, {}] }],
    ['layers[1].units', { layers: [{ units: 4 }, { units: 5 }] }],
    ['layers[0].activation', { layers: [{ units: 4, activation: 'mish' }, {}] }],
    ['layers[0].activation', { layers: [{ units: 4, activation: 'softmax' }, {}] }],
    ['layers[0].activation', { layers: [{ activation: 'sigmoid' }] }],
    ['layers[0].rate', { layers: [{ type: 'dropout', rate: 1 }, {}] }],
    ['layers[1].type', { layers: [{ units: 3 }, { type: 'dropout' }] }],
    ['layers[0].size', { layers: [{ size: 4 }, {}] }],
    ['optimizer.type', { optimizer: 'lion' }],
    ['optimizer.learningRate', { optimizer: { type: 'sgd', learningRate: 0 } }],
    ['optimizer.learningRate', { optimizer: { type: 'adam', learningRate: 'fast' } }],
    ['optimizer.momentum', { optimizer: { type: 'sgd', momentum: 0.9 } }],
    ['loss', { loss: 'mse' }],
    ['epochs', { epochs: 0 }],
    ['epochs', { epochs: 2.5 }],
    ['batchSize', { batchSize: -1 }],
    ['initializer', { initializer: 'zeros' }],
    ['targetScaling', { targetScaling: 'standard' }],
    ['seed', { seed: -1 }],
    ['seed', { seed: 1e300 }],
  ])('with a wrong %s is refused by name', (field, value) => {
    expect(() => validateSpec(value, context)).toThrow(
      expect.objectContaining({ code: 'RK_SPEC_INVALID', details: { field }, hint: expect.any(String) }),
    );
  });

  it.each([
    ['inputs', { ...context, inputs: 0 }],
    ['outputs', { ...context, outputs: 1 }],
  ])('for data with too few %s is refused', (field, data) => {
    expect(() => validateSpec({}, data)).toThrow(
      expect.objectContaining({ code: 'RK_SPEC_INVALID', details: { field } }),
    );
  });
});
