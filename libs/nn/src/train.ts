import { backendInUse } from './backends.js';
import { initialParameters, planNetwork } from './network-plan.js';
import { randomStream, shuffle } from './random.js';
import { fitTargetScaling, foldScaling, scaleTargets, unfoldScaling } from './target-scaling.js';
import { topologyOf } from './topology.js';
import { chooseEngine, openEngine } from './train-engine.js';
import { checkTrainingData, divergence } from './train-checks.js';
import { decodeWeights, encodeWeights } from './weights.js';
import type { BackendName } from './backends.js';
import type { ModelSpec } from './model-spec.js';
import type { EpochEngine } from './step-engine.js';
import type { TrainEngine } from './train-engine.js';
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
  /**
   * Default 'auto': compiled on the backend cpu (the same bits, many times faster), kernels on any other; for a large
   * network on cpu or wasm an ONNX graph, where onnxruntime loads and can express it.
   */
  engine?: TrainEngine | 'auto';
  /** Start from these weights (a fitted model's bytes) instead of fresh ones. */
  initialWeights?: Uint8Array;
  /** After each epoch, counted from 1. A promise is awaited. */
  onEpoch?: (epoch: number, result: EpochResult) => void | Promise<void>;
  /**
   * Asked before every batch (engine 'onnx': before every run of the graph, which is an epoch, some 30 ms of a long one, or
   * some 2 ms of short ones): true ends the fit in good order with what is fitted so far.
   */
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
  /** 'cpu' for the engine 'onnx', whichever backend was given. */
  backend: BackendName;
  engine: TrainEngine;
  /** One sentence: why this engine. */
  engineReason: string;
}

/** Streams of chance of one seed. */
const streams = { initial: 0, order: 1, dropout: 2 };

/**
 * Fits a network by mini-batches: rows in a fresh seeded order in every epoch, the last batch short (Keras's fit).
 * Equal spec, data and seed on an equal backend give equal weights to the bit. No tensor is left behind.
 *
 * Errors: RK_TRAIN_INPUT before the first step; RK_TRAIN_DIVERGED at the first batch whose loss is not
 * finite; RK_MODEL_CORRUPT for initial weights that do not fit; RK_BACKEND_UNAVAILABLE.
 *
 * With the engine 'onnx', a worker thread or the process must not be ended while a run is in flight: that aborts the whole
 * process. Raise the flag behind `shouldStop` and wait for the fit to return first.
 */
export async function train(job: TrainJob): Promise<TrainResult> {
  const { spec, width } = job;
  const plan = planNetwork(spec.layers, width);
  checkTrainingData(job, plan.outputs);
  const batchSize = Math.min(spec.batchSize, job.rows);
  const asked = job.engine ?? 'auto';
  const chosen = await chooseEngine(asked, job.backend ?? backendInUse() ?? 'cpu', plan, batchSize);
  const { backend, engine } = chosen;
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

  const setup = {
    plan,
    loss: spec.loss,
    optimizer: spec.optimizer,
    initial,
    variances:
      scaling?.deviations.map((deviation) => deviation ** 2) ?? new Float64Array(plan.outputs).fill(1),
    random: randomStream(seed, streams.dropout),
  };
  const data = { features: job.features, targets, rows: job.rows, batchSize };
  const fit = await openEngine(chosen, setup, data, () => job.shouldStop?.() === true);
  try {
    const { history, stopped } = await runEpochs(job, seed, fit);
    const parameters = fit.parameters();
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
    const epochsRun = history.loss.length;
    return { model, history, metricName, epochsRun, stopped, backend, engine, engineReason: chosen.reason };
  } finally {
    await fit.dispose();
  }
}

async function runEpochs(
  job: TrainJob,
  seed: number,
  fit: EpochEngine,
): Promise<{ history: TrainResult['history']; stopped: boolean }> {
  const { spec, rows } = job;
  const order = Int32Array.from({ length: rows }, (_, row) => row);
  const random = randomStream(seed, streams.order);
  const history: TrainResult['history'] = { loss: [], metric: [] };

  while (history.loss.length < spec.epochs) {
    const count = Math.min(fit.epochsAtOnce, spec.epochs - history.loss.length);
    const orders = Array.from({ length: count }, () => {
      shuffle(order, random);
      return count === 1 ? order : order.slice();
    });
    const { sums, end } = await fit.epochs(orders);
    for (const { loss, metric } of sums) {
      const mean = metric / rows;
      const result = { loss: loss / rows, metric: spec.task === 'classification' ? mean : Math.sqrt(mean) };
      history.loss.push(result.loss);
      history.metric.push(result.metric);
      const epoch = history.loss.length;
      await job.onEpoch?.(epoch, result);
      if (epoch % (job.yieldEvery ?? 1) === 0) await new Promise((resume) => setImmediate(resume));
    }
    if (end.kind === 'stopped') return { history, stopped: true };
    if (end.kind === 'diverged') throw divergence(history.loss.length + 1, end.batch, job);
  }
  return { history, stopped: false };
}
