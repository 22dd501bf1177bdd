import { backendInUse, useBackend } from './backends.js';
import { compiledSteps } from './compiled-steps.js';
import { NnError } from './nn-error.js';
import { initialParameters, planNetwork } from './network-plan.js';
import { randomStream, shuffle } from './random.js';
import { fitTargetScaling, foldScaling, scaleTargets, unfoldScaling } from './target-scaling.js';
import { topologyOf } from './topology.js';
import { checkTrainingData, divergence } from './train-checks.js';
import { decodeWeights, encodeWeights } from './weights.js';
import type { BackendName } from './backends.js';
import type { ModelSpec } from './model-spec.js';
import type { BatchSums } from './output-gradient.js';
import type { StepEngine, StepSetup } from './step-engine.js';
import type { TrainedModel } from './trained-model.js';

export interface EpochResult {
  /**
   * Mean loss over the epoch's rows, each taken before the step of its batch (Keras's running mean). With a scaled
   * regression target, of the scaled target: 1 is what predicting the mean gives.
   */
  loss: number;
  /** Accuracy (classification) or root mean squared error in the target's unit (regression), over the same rows. */
  metric: number;
}

/** How steps are computed: TensorFlow.js's kernels on a backend, or loops that give the cpu backend's bits. */
export type TrainEngine = 'compiled' | 'tfjs';

export interface TrainJob {
  spec: ModelSpec;
  /** rows × width, row by row. */
  features: Float32Array;
  rows: number;
  width: number;
  /** Class indices (Int32Array, one a row) or numbers (Float32Array, rows × outputs). */
  targets: Int32Array | Float32Array;
  /** Classification: the number of classes; defaults to the units of the last layer. */
  classes?: number;
  /** Decides initial weights, shuffles and dropout. Defaults to `spec.seed`. */
  seed?: number;
  /** Defaults to the backend in use, or 'cpu' where none is. */
  backend?: BackendName;
  /** Default 'auto': compiled on the backend cpu (the same bits, many times faster), kernels on any other. */
  engine?: TrainEngine | 'auto';
  /** Start from these weights (a fitted model's bytes) instead of fresh ones. */
  initialWeights?: Uint8Array;
  /** After each epoch, counted from 1. A promise is awaited. */
  onEpoch?: (epoch: number, result: EpochResult) => void | Promise<void>;
  /** Asked before every batch: true ends the fit in good order with what is fitted so far. */
  shouldStop?: () => boolean;
  /** Give way to the event loop after every so many epochs, so that messages are handled. Default 1. */
  yieldEvery?: number;
}

export interface TrainResult {
  model: TrainedModel;
  history: { loss: number[]; metric: number[] };
  metricName: 'accuracy' | 'rmse';
  /** Whole epochs; a stop inside an epoch leaves that epoch out of the count and of the history. */
  epochsRun: number;
  stopped: boolean;
  backend: BackendName;
  engine: TrainEngine;
}

/** Streams of chance of one seed. */
const streams = { initial: 0, order: 1, dropout: 2 };

/**
 * Fits a network by mini-batches: rows in a fresh seeded order in every epoch, the last batch short (Keras's fit).
 * Equal spec, data and seed on an equal backend give equal weights to the bit. No tensor is left behind.
 *
 * Errors: RK_TRAIN_INPUT before the first step; RK_TRAIN_DIVERGED at the first batch whose loss is not
 * finite; RK_MODEL_CORRUPT for initial weights that do not fit; RK_BACKEND_UNAVAILABLE.
 */
export async function train(job: TrainJob): Promise<TrainResult> {
  const { spec, width } = job;
  const plan = planNetwork(spec.layers, width);
  checkTrainingData(job, plan.outputs);
  const backend = job.backend ?? backendInUse() ?? 'cpu';
  const engine = chooseEngine(job, backend);
  const seed = job.seed ?? spec.seed;
  const scaling =
    spec.task === 'regression' && spec.targetScaling === 'standard'
      ? fitTargetScaling(Float32Array.from(job.targets), plan.outputs)
      : undefined;
  const targets = scaling === undefined ? job.targets : scaleTargets(Float32Array.from(job.targets), scaling);

  const initial =
    job.initialWeights === undefined
      ? initialParameters(plan, randomStream(seed, streams.initial))
      : decodeWeights(plan.parameters, job.initialWeights);
  if (job.initialWeights !== undefined && scaling !== undefined) unfoldScaling(plan, initial, scaling);

  const steps = await openEngine(engine, backend, {
    plan,
    loss: spec.loss,
    optimizer: spec.optimizer,
    initial,
    variances:
      scaling?.deviations.map((deviation) => deviation ** 2) ?? new Float64Array(plan.outputs).fill(1),
    random: randomStream(seed, streams.dropout),
  });
  try {
    const { history, stopped } = await runEpochs(job, targets, seed, steps);
    const parameters = steps.parameters();
    if (!parameters.every((values) => values.every(Number.isFinite)))
      throw divergence(history.loss.length, 0, job);
    if (scaling !== undefined) foldScaling(plan, parameters, scaling);
    const model: TrainedModel = {
      format: 'tfjs-layers',
      topology: topologyOf(plan),
      weightSpecs: plan.parameters,
      weights: encodeWeights(parameters),
      spec,
      inputs: plan.inputs,
      outputs: plan.outputs,
      task: spec.task,
      backend,
    };
    const metricName = spec.task === 'classification' ? 'accuracy' : 'rmse';
    return { model, history, metricName, epochsRun: history.loss.length, stopped, backend, engine };
  } finally {
    steps.dispose();
  }
}

function chooseEngine(job: TrainJob, backend: BackendName): TrainEngine {
  const asked = job.engine ?? 'auto';
  if (asked === 'compiled' && backend !== 'cpu') {
    throw new NnError(
      'RK_BACKEND_UNAVAILABLE',
      `The compiled engine computes on the backend cpu, not on ${backend}.`,
      {
        details: { engine: asked, backend },
        hint: "Leave the engine at 'auto'.",
      },
    );
  }
  if (asked !== 'auto') return asked;
  return backend === 'cpu' ? 'compiled' : 'tfjs';
}

async function openEngine(engine: TrainEngine, backend: BackendName, setup: StepSetup): Promise<StepEngine> {
  if (engine === 'compiled') return compiledSteps(setup);
  await useBackend(backend);
  const { kernelSteps } = await import('./kernel-steps.js');
  return kernelSteps(setup);
}

async function runEpochs(
  job: TrainJob,
  targets: Int32Array | Float32Array,
  seed: number,
  steps: StepEngine,
): Promise<{ history: TrainResult['history']; stopped: boolean }> {
  const { spec, rows, width, features } = job;
  const perRow = targets.length / rows;
  const batchSize = Math.min(spec.batchSize, rows);
  const batchFeatures = new Float32Array(batchSize * width);
  const batchTargets =
    targets instanceof Int32Array ? new Int32Array(batchSize) : new Float32Array(batchSize * perRow);
  const order = Int32Array.from({ length: rows }, (_, row) => row);
  const random = randomStream(seed, streams.order);
  const history: TrainResult['history'] = { loss: [], metric: [] };

  for (let epoch = 1; epoch <= spec.epochs; epoch += 1) {
    shuffle(order, random);
    const sums: BatchSums = { loss: 0, metric: 0 };
    for (let start = 0; start < rows; start += batchSize) {
      if (job.shouldStop?.() === true) return { history, stopped: true };
      const size = Math.min(batchSize, rows - start);
      for (let i = 0; i < size; i += 1) {
        const row = order[start + i]!;
        for (let j = 0; j < width; j += 1) batchFeatures[i * width + j] = features[row * width + j]!;
        for (let j = 0; j < perRow; j += 1) batchTargets[i * perRow + j] = targets[row * perRow + j]!;
      }
      steps.step(batchFeatures, batchTargets, size, sums);
      if (!Number.isFinite(sums.loss)) throw divergence(epoch, start / batchSize + 1, job);
    }
    const mean = sums.metric / rows;
    const result = {
      loss: sums.loss / rows,
      metric: spec.task === 'classification' ? mean : Math.sqrt(mean),
    };
    history.loss.push(result.loss);
    history.metric.push(result.metric);
    await job.onEpoch?.(epoch, result);
    if (epoch % (job.yieldEvery ?? 1) === 0) await new Promise((resume) => setImmediate(resume));
  }
  return { history, stopped: false };
}
