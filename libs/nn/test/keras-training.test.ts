import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { useBackend } from '@rookery/nn';
import { algebraSteps } from '../src/algebra-steps.js';
import { arrayAlgebra } from '../src/algebra/array-algebra.js';
import { tensorAlgebra } from '../src/algebra/tensor-algebra.js';
import { earlyStopping } from '../src/early-stopping.js';
import { initialise } from '../src/initialisers.js';
import { planNetwork } from '../src/network-plan.js';
import { learningRateAt } from '../src/optimizers/learning-rate.js';
import { randomStream } from '../src/random.js';
import { runTrainingGraph } from './support/graph-run.js';
import type {
  EarlyStoppingSpec,
  EmbeddingSpec,
  Initializer,
  LayerSpec,
  Loss,
  OptimizerSpec,
} from '@rookery/nn';
import type { GraphBatch } from './support/graph-run.js';

interface Case {
  name: string;
  inputs: number;
  layers: LayerSpec[];
  embeddings?: EmbeddingSpec[];
  loss: Loss;
  optimizer: OptimizerSpec;
  initial: number[][];
  batches: GraphBatch[];
  /** Weights of labels where they are there. */
  positives?: number[];
  losses: number[];
  first: number[][];
  last: number[][];
}
interface Fixture {
  steps: Case[];
  initialisers: {
    initializer: Initializer;
    mean: number;
    deviation: number;
    least: number;
    greatest: number;
  }[];
  stopping: { spec: EarlyStoppingSpec; values: number[]; epochs: number; best: number; stopped: boolean }[];
  rates: { optimizer: OptimizerSpec; rates: number[] }[];
}
const path = new URL('../../../tests/golden/keras/training.json', import.meta.url);
const fixture = JSON.parse(readFileSync(path, 'utf8')) as Fixture;
const weighing = new URL('../../../tests/golden/keras/positive-weights.json', import.meta.url);
const weighingSteps = (JSON.parse(readFileSync(weighing, 'utf8')) as Pick<Fixture, 'steps'>).steps;

/** Largest difference of the parameters, relative to numbers above 1. */
function gap(actual: readonly ArrayLike<number>[], expected: readonly number[][]): number {
  expect(actual.map((values) => values.length)).toEqual(expected.map((values) => values.length));
  let most = 0;
  for (const [i, values] of expected.entries())
    for (const [j, value] of values.entries())
      most = Math.max(most, Math.abs(actual[i]![j]! - value) / Math.max(1, Math.abs(value)));
  return most;
}

/** Float32 rounding of five steps. Where a gradient is almost nothing, Adam's and RMSprop's steps divide one rounding error by another. */
const toleranceOf = ({ type }: OptimizerSpec): number => (type === 'sgd' ? 2e-5 : 2e-4);

const cases = [...fixture.steps, ...weighingSteps].map((golden) => [golden.name, golden] as const);
it('there are cases enough', () => {
  expect(cases.length).toBeGreaterThanOrEqual(40);
});

describe.each(['compiled', 'tfjs'] as const)("steps of %s have Keras's losses and weights", (engine) => {
  it.each(cases)('%s', async (_name, golden) => {
    await useBackend('cpu');
    const plan = planNetwork(golden.layers, golden.inputs, golden.embeddings);
    const setup = {
      plan,
      loss: golden.loss,
      optimizer: golden.optimizer,
      initial: golden.initial.map((values) => Float32Array.from(values)),
      variances: new Float64Array(plan.outputs).fill(1),
      positives: golden.positives && Float64Array.from(golden.positives),
      random: randomStream(1, 0),
      rateOf: (step: number) => learningRateAt(golden.optimizer, step, 1, 1),
    };
    const steps =
      engine === 'compiled' ? algebraSteps(arrayAlgebra(), setup) : algebraSteps(tensorAlgebra(), setup);
    for (const [i, { rows, features, targets, weights }] of golden.batches.entries()) {
      const sums = { loss: 0, metric: 0 };
      const classes = golden.loss === 'sparse_categorical_crossentropy';
      const batch = {
        rows,
        features: Float32Array.from(features),
        targets: classes ? Int32Array.from(targets) : Float32Array.from(targets),
        weights: weights && Float32Array.from(weights),
      };
      steps.step(batch, sums);
      expect(Math.abs(sums.loss / rows - golden.losses[i]!)).toBeLessThan(
        3e-5 * Math.max(1, golden.losses[i]!),
      );
      if (i === 0) expect(gap(steps.parameters(), golden.first)).toBeLessThan(toleranceOf(golden.optimizer));
    }
    expect(gap(steps.parameters(), golden.last)).toBeLessThan(toleranceOf(golden.optimizer));
    steps.dispose();
  });
});

describe("steps of the ONNX graph have Keras's losses and weights, with batches of different sizes", () => {
  it.each(cases)('%s', async (_name, golden) => {
    const { layers, inputs, embeddings, loss, optimizer, batches, positives } = golden;
    const plan = planNetwork(layers, inputs, embeddings);
    const batch = Math.max(...batches.map(({ rows }) => rows));
    const spec = { plan, loss, optimizer, batch, precision: 'float32' } as const;
    const { losses, parameters } = await runTrainingGraph(spec, golden.initial, batches, [], positives);
    for (const [i, value] of losses.entries())
      expect(Math.abs(value - golden.losses[i]!)).toBeLessThan(3e-5 * Math.max(1, golden.losses[i]!));
    expect(gap(parameters, golden.last)).toBeLessThan(toleranceOf(optimizer));
  });
});

describe("an initialiser has Keras's statistics", () => {
  it.each(fixture.initialisers.map((golden) => [golden.initializer, golden] as const))(
    '%s',
    (initializer, golden) => {
      const values = new Float32Array(300 * 400);
      initialise(values, initializer, 300, 400, randomStream(3, 0));
      const mean = values.reduce((sum, v) => sum + v, 0) / values.length;
      const deviation = Math.sqrt(values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / values.length);
      // 120,000 numbers: five standard errors of a mean are 1.5 % of the deviation, of a deviation 1 %.
      expect(Math.abs(mean - golden.mean)).toBeLessThan(0.03 * golden.deviation);
      expect(Math.abs(deviation / golden.deviation - 1)).toBeLessThan(0.02);
      if (initializer === 'random_normal') return;
      // The ends of a distribution that has some; both samples come close to them.
      expect(Math.min(...values) / golden.least).toBeCloseTo(1, 2);
      expect(Math.max(...values) / golden.greatest).toBeCloseTo(1, 2);
    },
  );
});

describe("early stopping decides as Keras's", () => {
  it.each(fixture.stopping.map((golden) => [JSON.stringify(golden.spec), golden] as const))(
    '%s',
    (_title, golden) => {
      const decide = earlyStopping(golden.spec, true);
      let best = 0;
      let epochs = 0;
      let stopped = false;
      for (const value of golden.values) {
        epochs += 1;
        const decision = decide(epochs, { loss: value, metric: value, valLoss: value, valMetric: value });
        if (decision.best) best = epochs;
        stopped = decision.stop;
        if (stopped) break;
      }
      expect({ epochs, best, stopped }).toEqual({
        epochs: golden.epochs,
        best: golden.best,
        stopped: golden.stopped,
      });
    },
  );
});

describe("a schedule has Keras's rates", () => {
  it.each(fixture.rates.map((golden) => [JSON.stringify(golden.optimizer.schedule), golden] as const))(
    '%s',
    (_title, golden) => {
      for (const [step, rate] of golden.rates.entries())
        expect(learningRateAt(golden.optimizer, step, 1, 1)).toBeCloseTo(rate, 8);
    },
  );
});
