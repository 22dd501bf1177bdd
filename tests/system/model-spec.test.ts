import { events } from '@rookery/contracts';
import { RunState } from '@rookery/proto/rookery/registry/v1/registry';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { exampleUri, startTestSystem } from './support/test-system.js';
import type { TestSystem } from './support/test-system.js';

let world: TestSystem;

beforeAll(async () => {
  world = await startTestSystem();
});

afterAll(async () => {
  await world?.stop();
});

const penguin = {
  island: 'Biscoe',
  culmen_length_mm: 50,
  culmen_depth_mm: 15,
  flipper_length_mm: 220,
  body_mass_g: 5000,
  sex: 'MALE',
};

/** All that the specification has, on one table. */
const rich = {
  embeddings: [
    { feature: 'island', dimension: 2, l2: 1e-4 },
    { feature: 'sex', dimension: 1 },
  ],
  layers: [
    { units: 16, activation: 'linear', initializer: 'he_normal', l2: 1e-3, useBias: false },
    { type: 'batch_norm', momentum: 0.9 },
    { type: 'activation', activation: 'gelu' },
    {
      type: 'residual',
      layers: [{ type: 'layer_norm' }, { units: 16, activation: 'silu' }, { type: 'dropout', rate: 0.1 }],
    },
    {},
  ],
  optimizer: {
    type: 'adamw',
    learningRate: 0.01,
    weightDecay: 0.01,
    globalClipNorm: 1,
    schedule: { type: 'cosine', warmupSteps: 3, alpha: 0.05 },
  },
  classWeights: { Chinstrap: 1.5 },
  validationSplit: 0.15,
  earlyStopping: { patience: 8, minDelta: 0.001 },
  epochs: 60,
};

/** A Functional model as Keras writes it, with a residual connection and an open input. */
function kerasModel(): object {
  const fed = (kind: string, config: Record<string, unknown>, ...sources: string[]): object => ({
    class_name: kind,
    name: config['name'],
    config,
    inbound_nodes: sources.length === 0 ? [] : [sources.map((source) => [source, 0, 0, {}])],
  });
  return {
    class_name: 'Functional',
    config: {
      layers: [
        fed('InputLayer', { name: 'in', batch_input_shape: [null, null] }),
        fed('Dense', { name: 'a', units: 12, activation: 'relu' }, 'in'),
        fed('Dense', { name: 'b', units: 12, activation: 'swish' }, 'a'),
        fed('Add', { name: 'sum' }, 'a', 'b'),
        fed('Dense', { name: 'out', units: 3, activation: 'softmax' }, 'sum'),
      ],
      input_layers: [['in', 0, 0]],
      output_layers: [['out', 0, 0]],
    },
  };
}

describe('a run', () => {
  it('of everything that a specification has is promoted, and its model answers', async () => {
    const request = { name: 'rich', uri: exampleUri('penguins.csv'), target: 'species', modelSpec: rich };
    const { runId, version } = await world.serve(request);
    const run = await world.client.run(runId);
    expect(run).toMatchObject({ state: RunState.RUN_STATE_PROMOTED, code: '' });
    expect(run.plan?.modelSpec).toMatchObject({
      embeddings: [{ feature: 'island' }, { feature: 'sex' }],
      classWeights: [1, 1.5, 1],
      earlyStopping: { monitor: 'val_loss', restoreBest: true },
      optimizer: { type: 'adamw', schedule: { type: 'cosine', unit: 'epochs' } },
    });
    const trained = world.tap.seen(events.foldTrained, (data) => data.runId === runId);
    expect(trained).toHaveLength(6);
    for (const { data } of trained) expect(data.epochsRun).toBe(data.history?.loss.length);
    // The read model has the curves of the rows held out, and which epoch was kept.
    for (const { history } of run.jobs) {
      const { valLoss = [], valMetric = [], bestEpoch = 0, epochsRun = 0 } = history ?? {};
      expect([valLoss.length, valMetric.length]).toEqual([epochsRun, epochsRun]);
      expect(valLoss[bestEpoch - 1]! - 0.001).toBeLessThanOrEqual(Math.min(...valLoss));
    }
    // Patience of 8 in 60 epochs of a table that is learnt in 20: some fold ends early.
    expect(Math.min(...trained.map(({ data }) => data.epochsRun))).toBeLessThan(60);
    const [answer] = await world.client.predict('rich', [penguin]);
    expect(answer).toMatchObject({ version: version.version, label: 'Gentoo' });
    const [unknown] = await world.client.predict('rich', [{ ...penguin, island: 'Atlantis', sex: null }]);
    expect(unknown?.label).toBe('Gentoo');
  });

  it('of a given Keras model is promoted, and its model answers', async () => {
    const optimizer = { type: 'adam', learningRate: 0.01 };
    await world.serve({
      name: 'keras',
      uri: exampleUri('penguins.csv'),
      target: 'species',
      modelSpec: { model: kerasModel(), optimizer, epochs: 30 },
    });
    const [answer] = await world.client.predict('keras', [penguin]);
    expect(answer?.label).toBe('Gentoo');
  });

  it('of a given model that the algebra can not express is trained and served by TensorFlow.js', async () => {
    const layer = (class_name: string, config: object = {}): object => ({ class_name, config });
    const layers = [
      layer('Reshape', { target_shape: [-1, 1] }),
      layer('Conv1D', { filters: 8, kernel_size: [3], activation: 'relu', padding: 'same' }),
      layer('Flatten'),
      layer('Dense', { units: 3, activation: 'softmax' }),
    ];
    const { runId, version } = await world.serve({
      name: 'convolved',
      uri: exampleUri('penguins.csv'),
      target: 'species',
      folds: 2,
      modelSpec: {
        model: { topology: { class_name: 'Sequential', config: { layers } } },
        optimizer: { type: 'adam', learningRate: 0.02 },
        epochs: 25,
      },
    });
    expect(version.metrics['accuracy']!.mean).toBeGreaterThan(0.85);
    const { jobs } = await world.client.run(runId);
    expect(jobs.map(({ environment }) => environment?.engine)).toEqual(['tfjs', 'tfjs', 'tfjs']);
    const [answer] = await world.client.predict('convolved', [penguin]);
    expect(answer?.label).toBe('Gentoo');
  });

  it('of a given model whose shapes do not fit fails in the words of TensorFlow.js, by the name of its field', async () => {
    const layers = [
      { class_name: 'Reshape', config: { target_shape: [7] } },
      { class_name: 'Dense', config: { units: 3, activation: 'softmax' } },
    ];
    const { end } = await world.run({
      name: 'misshapen',
      uri: exampleUri('penguins.csv'),
      target: 'species',
      modelSpec: { model: { topology: { class_name: 'Sequential', config: { layers } } } },
    });
    if (end.state !== 'failed') throw new Error(`the run ended as ${end.state}`);
    expect(end.failure.code).toBe('RK_SPEC_INVALID');
    expect(end.failure.message).toContain("The model's model.topology can't be trained by TensorFlow.js: ");
  });
});
