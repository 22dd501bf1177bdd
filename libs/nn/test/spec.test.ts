import { describe, expect, it } from 'vitest';
import { countParameters, defaultSpec, validateSpec } from '@rookery/nn';
import type { SpecContext } from '@rookery/nn';

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
    const rich = validateSpec(
      {
        layers: [
          { units: 6, activation: 'swish', l2: 0.01, useBias: false, initializer: 'he_normal' },
          { type: 'residual', projection: true, layers: [{ type: 'layer_norm' }, { units: 4 }] },
          {},
        ],
        embeddings: [{ columns: 2, vocabulary: 7, dimension: 3 }],
        optimizer: { type: 'adamw', globalClipNorm: 1, schedule: { type: 'cosine', warmupSteps: 3 } },
        loss: 'huber',
        validationSplit: 0.2,
        earlyStopping: { patience: 3 },
      },
      regression,
    );
    expect(validateSpec(JSON.parse(JSON.stringify(rich)), regression)).toEqual(rich);
    expect(rich.earlyStopping?.monitor).toBe('val_loss');
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
    ['optimizer.momentum', { optimizer: { type: 'sgd', momentum: 1 } }],
    ['optimizer.momentum', { optimizer: { type: 'adam', momentum: 0.9 } }],
    ['optimizer.nesterov', { optimizer: { nesterov: true } }],
    ['optimizer.weightDecay', { optimizer: { type: 'adamw', weightDecay: 2 } }],
    ['optimizer.clipNorm', { optimizer: { clipNorm: 0 } }],
    ['optimizer.clipValue', { optimizer: { clipNorm: 1, clipValue: 1 } }],
    ['optimizer.schedule.type', { optimizer: { schedule: {} } }],
    ['optimizer.schedule.type', { optimizer: { schedule: { type: 'linear' } } }],
    ['optimizer.schedule.decayRate', { optimizer: { schedule: { type: 'exponential', decaySteps: 2 } } }],
    ['optimizer.schedule.alpha', { optimizer: { schedule: { type: 'exponential', alpha: 1 } } }],
    [
      'optimizer.schedule.values',
      { optimizer: { schedule: { type: 'piecewise', boundaries: [1], values: [1] } } },
    ],
    [
      'optimizer.schedule.boundaries[1]',
      { optimizer: { schedule: { type: 'piecewise', boundaries: [2, 1], values: [1, 1, 1] } } },
    ],
    ['layers[0].epsilon', { layers: [{ type: 'layer_norm', epsilon: -1 }, {}] }],
    ['layers[0].units', { layers: [{ type: 'layer_norm', units: 3 }, {}] }],
    ['layers[0].l2', { layers: [{ units: 4, l2: -1 }, {}] }],
    ['layers[0].initializer', { layers: [{ units: 4, initializer: 'orthogonal' }, {}] }],
    ['layers[0].useBias', { layers: [{ useBias: false }] }],
    ['layers[0].activation', { layers: [{ type: 'activation', activation: 'softmax' }, {}] }],
    ['layers[1].layers', { layers: [{ units: 4 }, { type: 'residual', layers: [{ units: 5 }] }, {}] }],
    [
      'layers[1].layers[0].units',
      { layers: [{ units: 4 }, { type: 'residual', layers: [{ units: 0 }] }, {}] },
    ],
    [
      'layers[1].layers[1].type',
      { layers: [{ units: 4 }, { type: 'residual', layers: [{ units: 4 }, { type: 'x' }] }, {}] },
    ],
    ['layers', { layers: [{ units: 60_000 }, { units: 60_000 }, {}] }],
    ['embeddings[0].dimension', { embeddings: [{ columns: 0 }] }],
    ['embeddings[0].columns', { embeddings: [{ columns: [3, 12], dimension: 2 }] }],
    [
      'embeddings[1].columns',
      {
        embeddings: [
          { columns: 1, dimension: 2 },
          { columns: [0, 2], dimension: 2 },
        ],
      },
    ],
    ['embeddings[0].columns', { embeddings: [{ columns: [0, 2], vocabulary: 5, dimension: 2 }] }],
    ['embeddings[0].columns', { embeddings: [{ feature: 'island', dimension: 2 }] }],
    ['classWeights', { classWeights: [1, 2] }],
    ['classWeights[1]', { classWeights: [1, -2, 1] }],
    ['classWeights', { classWeights: { a: 1 } }],
    ['positiveWeights', { positiveWeights: 'balanced' }],
    ['validationSplit', { validationSplit: 1 }],
    ['earlyStopping.monitor', { earlyStopping: { monitor: 'val_loss' } }],
    ['earlyStopping.patience', { earlyStopping: { patience: -1 } }],
    ['earlyStopping.baseline', { earlyStopping: { baseline: 1 } }],
    ['model.topology', { model: {} }],
    ['model.topology', { model: { topology: { class_name: 'Sequential', config: { layers: [] } } } }],
    ['layers', { layers: [{}], model: { topology: {} } }],
    ['loss', { loss: 'mse' }],
    ['epochs', { epochs: 0 }],
    ['epochs', { epochs: 2.5 }],
    ['batchSize', { batchSize: -1 }],
    ['initializer', { initializer: 'uniform' }],
    ['targetScaling', { targetScaling: 'standard' }],
    ['seed', { seed: -1 }],
    ['seed', { seed: 1e300 }],
  ])('with a wrong %s is refused by name', (field, value) => {
    expect(() => validateSpec(value, context)).toThrow(
      expect.objectContaining({ code: 'RK_SPEC_INVALID', details: { field }, hint: expect.any(String) }),
    );
  });

  const features = [
    { name: 'mass', from: 0, to: 1, categorical: false },
    { name: 'island', from: 1, to: 4, categorical: true },
    { name: 'empty', from: 4, to: 4, categorical: true },
  ];

  it('names features: their inputs are those of the data at hand', () => {
    const given = { embeddings: [{ feature: 'island', dimension: 2 }] };
    const first = validateSpec(given, { ...context, features });
    expect(first.embeddings).toEqual([{ feature: 'island', columns: [1, 4], dimension: 2 }]);
    const moved = [{ name: 'island', from: 5, to: 7, categorical: true }];
    expect(validateSpec(first, { ...context, features: moved }).embeddings?.[0]?.columns).toEqual([5, 7]);
    for (const feature of ['mass', 'empty', 'sex']) {
      expect(() =>
        validateSpec({ embeddings: [{ feature, dimension: 2 }] }, { ...context, features }),
      ).toThrow(
        expect.objectContaining({ code: 'RK_SPEC_INVALID', details: { field: 'embeddings[0].feature' } }),
      );
    }
  });

  it('weighs classes by their names', () => {
    const labels = ['Adelie', 'Chinstrap', 'Gentoo'];
    const weighted = validateSpec({ classWeights: { Chinstrap: 2.5 } }, { ...context, labels });
    expect(weighted.classWeights).toEqual([1, 2.5, 1]);
    expect(() => validateSpec({ classWeights: { Emperor: 2 } }, { ...context, labels })).toThrow(
      expect.objectContaining({ details: { field: 'classWeights.Emperor' } }),
    );
  });

  it('weighs the rows that have a label by its name', () => {
    const labels = ['health', 'science', 'sports'];
    const sets: SpecContext = { task: 'multilabel', inputs: 4, outputs: 3, labels };
    const weighted = validateSpec({ positiveWeights: { science: 2.5 } }, sets);
    expect(weighted.positiveWeights).toEqual([1, 2.5, 1]);
    expect(validateSpec(weighted, sets)).toEqual(weighted);
    expect(validateSpec({ positiveWeights: 'balanced' }, sets).positiveWeights).toBe('balanced');
    for (const [field, positiveWeights] of [
      ['positiveWeights.weather', { weather: 2 }],
      ['positiveWeights.health', { health: 0 }],
      ['positiveWeights[1]', [1, -1, 1]],
      ['positiveWeights', [1, 1]],
      ['positiveWeights', 'high'],
    ] as const) {
      expect(() => validateSpec({ positiveWeights }, sets)).toThrow(
        expect.objectContaining({ code: 'RK_SPEC_INVALID', details: { field } }),
      );
    }
    expect(() => validateSpec({ classWeights: 'balanced' }, sets)).toThrow(
      expect.objectContaining({ hint: expect.stringContaining('positiveWeights') as string }),
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
