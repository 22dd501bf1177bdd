import { backendInUse, useBackend } from './backends.js';
import { divergence } from './divergence.js';
import { earlyStopping } from './early-stopping.js';
import { firstNotFinite } from './finite.js';
import { lossFromLogits } from './losses.js';
import { initialParameters } from './network-plan.js';
import { learningRateAt } from './optimizers/learning-rate.js';
import { hostPenalty } from './optimizers/update.js';
import { randomStream, shuffle } from './random.js';
import { positiveWeights, rowWeights } from './row-weights.js';
import { initialWeightsOf, networkOf } from './spec-plan.js';
import { epochsOfSteps } from './step-engine.js';
import { fitTargetScaling, foldScaling, scaleTargets, unfoldScaling } from './target-scaling.js';
import { topologyOf } from './topology/topology.js';
import { chooseEngine, chooseForKept, openEngine } from './train-engine.js';
import { checkTrainingData } from './train-checks.js';
import { selectRows, validationRows } from './validation-rows.js';
import { decodeWeights, encodeWeights } from './weights.js';
import type { ChosenEngine } from './train-engine.js';
import type { BatchSums, LossInput } from './losses.js';
import type { FitsTogether } from './onnx/fits-together.js';
import type { NetworkPlan } from './network-plan.js';
import type { EpochEngine, FitData, StepSetup } from './step-engine.js';
import type { EpochResult, TrainHistory, TrainJob, TrainResult } from './train-job.js';
import type { TrainedModel } from './trained-model.js';

/** Streams of chance of one seed. */
const streams = { initial: 0, order: 1, dropout: 2, held: 3 };

/** What a fit works on. */
interface Fit {
  job: TrainJob;
  plan: NetworkPlan;
  seed: number;
  engine: EpochEngine;
  data: FitData;
  /** Rows held out, with what their loss is computed from. */
  held: { features: Float32Array; input: LossInput } | undefined;
}

/**
 * Fits a network by mini-batches: rows in a fresh seeded order in every epoch, the last batch short (Keras's fit).
 * Equal spec, data and seed on an equal backend give equal weights to the bit. No tensor is left behind.
 *
 * Errors: RK_TRAIN_INPUT before the first step; RK_TRAIN_DIVERGED at the first batch whose loss is not
 * finite; RK_MODEL_CORRUPT for initial weights that do not fit; RK_BACKEND_UNAVAILABLE; the reason of `signal`.
 *
 * With the engine 'onnx', a worker thread or the process must not be ended while a run is in flight: that aborts the whole
 * process. Raise the flag behind `shouldStop`, or abort the signal, and wait for the fit to return first.
 */
export async function train(job: TrainJob): Promise<TrainResult> {
  return fitOne(job);
}

/**
 * Fits several networks on this thread, with the results of `train`, to the bit. Fits by the engine onnx of one network, such as the
 * folds of a run, do their steps in one graph where they have equally many. What became of each, in the order of the jobs.
 */
export async function trainTogether(jobs: readonly TrainJob[]): Promise<PromiseSettledResult<TrainResult>[]> {
  const { FitsTogether } = await import('./onnx/fits-together.js');
  const together = new FitsTogether(jobs.length);
  return Promise.allSettled(
    jobs.map(async (job) => {
      const joining = { group: together, counted: false };
      try {
        return await fitOne(job, joining);
      } finally {
        // Nor for one that failed before it began.
        if (!joining.counted) together.absent();
      }
    }),
  );
}

/** A place among fits that run together, and whether the group knows of it. */
interface Joining {
  group: FitsTogether;
  counted: boolean;
}

async function fitOne(job: TrainJob, joining?: Joining): Promise<TrainResult> {
  job.signal?.throwIfAborted();
  const network = await networkFor(job);
  try {
    return await fitNetwork(job, network, joining);
  } finally {
    network.dispose();
  }
}

/** What is fitted: operations of the algebra, or a model of TensorFlow.js's Layers. */
interface FitNetwork {
  plan: NetworkPlan;
  chosen: ChosenEngine;
  /** Fresh parameters. */
  initial(): Float32Array[];
  /** JSON of the saved model. */
  topology(): string;
  open(
    setup: StepSetup,
    data: FitData,
    shouldStop: () => boolean,
    together?: FitsTogether,
  ): Promise<EpochEngine>;
  dispose(): void;
}

async function networkFor(job: TrainJob): Promise<FitNetwork> {
  const { spec, width } = job;
  const asked = job.engine ?? 'auto';
  const backend = job.backend ?? backendInUse() ?? 'cpu';
  const random = randomStream(job.seed ?? spec.seed, streams.initial);
  const found = networkOf(spec, width);
  if (found.plan !== undefined) {
    const { plan } = found;
    // Before an engine is loaded for data that no engine can fit.
    checkTrainingData(job, plan);
    const chosen = await chooseEngine(asked, backend, plan, Math.min(spec.batchSize, fittedRows(job)));
    return {
      plan,
      chosen,
      initial: () => initialParameters(plan, random, spec.initializer),
      topology: () => topologyOf(plan),
      open: (setup, data, shouldStop, together) => openEngine(chosen, setup, data, shouldStop, together),
      dispose: () => undefined,
    };
  }
  const { kept } = found;
  const chosen = chooseForKept(asked, backend, found.why);
  await useBackend(chosen.backend);
  const { openKeptNetwork } = await import('./layers-api/kept-network.js');
  const network = await openKeptNetwork(kept, width, random);
  try {
    checkTrainingData(job, network.plan);
  } catch (error) {
    network.dispose();
    throw error;
  }
  return {
    ...network,
    chosen,
    initial: () => network.initial,
    topology: () => JSON.stringify(kept),
    open: async (setup, data, shouldStop) => epochsOfSteps(network.steps(setup), data, shouldStop),
  };
}

/** Rows that are left to fit on. */
function fittedRows({ rows, spec }: TrainJob): number {
  return Math.floor(rows * (1 - (spec.validationSplit ?? 0)));
}

async function fitNetwork(job: TrainJob, network: FitNetwork, joining?: Joining): Promise<TrainResult> {
  const { spec } = job;
  const { plan, chosen } = network;
  const seed = job.seed ?? spec.seed;
  const { fitted, held } = splitOf(job, plan, seed);
  const batchSize = Math.min(spec.batchSize, fitted.rows);
  const scaling =
    spec.task === 'regression' && spec.targetScaling === 'standard'
      ? fitTargetScaling(Float32Array.from(fitted.targets), plan.outputs)
      : undefined;
  const scaled = (targets: Int32Array | Float32Array): Int32Array | Float32Array =>
    scaling === undefined ? targets : scaleTargets(Float32Array.from(targets), scaling);

  const given = job.initialWeights ?? initialWeightsOf(spec);
  const initial = given === undefined ? network.initial() : decodeWeights(plan.parameters, given);
  if (given !== undefined && scaling !== undefined) unfoldScaling(plan, initial, scaling);

  const variances =
    scaling?.deviations.map((deviation) => deviation ** 2) ?? new Float64Array(plan.outputs).fill(1);
  const positives = positiveWeights(spec.positiveWeights, fitted.targets, plan.outputs);
  const stepsOfEpoch = Math.ceil(fitted.rows / batchSize);
  const setup = {
    plan,
    loss: spec.loss,
    optimizer: spec.optimizer,
    initial,
    positives,
    variances,
    random: randomStream(seed, streams.dropout),
    rateOf: (step: number) => learningRateAt(spec.optimizer, step, stepsOfEpoch, spec.epochs),
  };
  const data: FitData = { ...fitted, targets: scaled(fitted.targets), batchSize };
  const judged = held && {
    features: held.features,
    input: {
      ...held,
      loss: spec.loss,
      targets: scaled(held.targets),
      outputs: plan.outputs,
      positives,
      variances,
    },
  };
  const engine = await network.open(
    setup,
    data,
    () => job.signal?.aborted === true || job.shouldStop?.() === true,
    joining?.group,
  );
  if (joining !== undefined) {
    joining.counted = true;
    // Nobody waits for what another engine fits.
    if (chosen.engine !== 'onnx') joining.group.absent();
  }
  try {
    const outcome = await runEpochs({ job, plan, seed, engine, data, held: judged });
    job.signal?.throwIfAborted();
    const { history, parameters } = outcome;
    if (parameters.some((values) => firstNotFinite(values) >= 0))
      throw divergence(history.loss.length, 0, job);
    if (scaling !== undefined) foldScaling(plan, parameters, scaling);
    const model: TrainedModel = {
      format: 'tfjs-layers',
      topology: network.topology(),
      weightSpecs: plan.parameters,
      weights: encodeWeights(parameters),
      spec,
      inputs: plan.inputs,
      outputs: plan.outputs,
      task: spec.task,
      backend: chosen.backend,
    };
    return {
      model,
      history,
      metricName: spec.task === 'regression' ? 'rmse' : 'accuracy',
      epochsRun: history.loss.length,
      bestEpoch: outcome.bestEpoch,
      stopped: outcome.stopped,
      stoppedEarly: outcome.stoppedEarly,
      backend: chosen.backend,
      engine: chosen.engine,
      engineReason: chosen.reason,
    };
  } finally {
    await engine.dispose();
  }
}

type Rows = Pick<FitData, 'features' | 'targets' | 'rows'> & { weights: Float32Array | undefined };

/** The rows to fit on, weighted, and those to judge by. */
function splitOf(job: TrainJob, plan: NetworkPlan, seed: number): { fitted: Rows; held: Rows | undefined } {
  const { spec, features, targets, rows, width } = job;
  const weights = rowWeights(spec.classWeights, targets, plan.outputs, job.sampleWeights);
  const share = spec.validationSplit ?? 0;
  if (share === 0) return { fitted: { features, targets, rows, weights }, held: undefined };
  const split = validationRows(rows, share, randomStream(seed, streams.held));
  const part = (chosen: Int32Array): Rows => ({
    features: selectRows(features, width, chosen),
    targets: selectRows(targets, targets.length / rows, chosen),
    rows: chosen.length,
    weights: weights && selectRows(weights, 1, chosen),
  });
  return { fitted: part(split.fitted), held: part(split.held) };
}

interface Outcome {
  history: TrainHistory;
  parameters: Float32Array[];
  bestEpoch: number;
  stopped: boolean;
  stoppedEarly: boolean;
}

async function runEpochs(fit: Fit): Promise<Outcome> {
  const { job, seed, engine, data } = fit;
  const { spec } = job;
  const { rows } = data;
  const order = Int32Array.from({ length: rows }, (_, row) => row);
  const random = randomStream(seed, streams.order);
  const history: TrainHistory = { loss: [], metric: [], ...(fit.held && { valLoss: [], valMetric: [] }) };
  const stopping = spec.earlyStopping;
  const decide = stopping && earlyStopping(stopping, spec.task !== 'regression');
  let best: { epoch: number; parameters: Float32Array[] } | undefined;
  const finish = (how: { stopped?: boolean; stoppedEarly?: boolean } = {}): Outcome => ({
    history,
    parameters: best?.parameters ?? engine.parameters(),
    bestEpoch: best?.epoch ?? history.loss.length,
    stopped: how.stopped === true,
    stoppedEarly: how.stoppedEarly === true,
  });

  while (history.loss.length < spec.epochs) {
    // What is judged after each epoch is judged with that epoch's weights.
    const single = fit.held !== undefined || stopping !== undefined;
    const count = single ? 1 : Math.min(engine.epochsAtOnce, spec.epochs - history.loss.length);
    const orders = Array.from({ length: count }, () => {
      shuffle(order, random);
      return count === 1 ? order : order.slice();
    });
    const { sums, end } = await engine.epochs(orders);
    for (const one of sums) {
      const result: EpochResult = meanOf(one, rows, spec.task === 'regression');
      const epoch = history.loss.length + 1;
      if (fit.held !== undefined) Object.assign(result, await judge(fit, fit.held, epoch));
      history.loss.push(result.loss);
      history.metric.push(result.metric);
      if (result.valLoss !== undefined) history.valLoss?.push(result.valLoss);
      if (result.valMetric !== undefined) history.valMetric?.push(result.valMetric);
      const decision = decide?.(epoch, result);
      if (decision?.best === true && stopping?.restoreBest === true)
        best = { epoch, parameters: engine.parameters() };
      await job.onEpoch?.(epoch, result);
      if (decision?.stop === true) return finish({ stoppedEarly: true });
      if (epoch % (job.yieldEvery ?? 1) === 0) await new Promise((resume) => setImmediate(resume));
    }
    if (end.kind === 'stopped') return finish({ stopped: true });
    if (end.kind === 'diverged') throw divergence(history.loss.length + 1, end.batch, job);
  }
  return finish();
}

function meanOf(
  { loss, metric }: BatchSums,
  rows: number,
  regression: boolean,
): { loss: number; metric: number } {
  const mean = metric / rows;
  return { loss: loss / rows, metric: regression ? Math.sqrt(mean) : mean };
}

/** Loss and metric of the rows held out, with the weights as they are now. */
async function judge(
  { job, plan, engine }: Fit,
  held: NonNullable<Fit['held']>,
  epoch: number,
): Promise<{ valLoss: number; valMetric: number }> {
  const { rows } = held.input;
  const sums: BatchSums = { loss: 0, metric: 0 };
  lossFromLogits(held.input, await engine.logits(held.features, rows), sums);
  const { loss, metric } = meanOf(sums, rows, job.spec.task === 'regression');
  const valLoss = loss + (engine.penalty?.() ?? hostPenalty(plan, () => engine.parameters()));
  if (!Number.isFinite(valLoss)) throw divergence(epoch, 0, job);
  return { valLoss, valMetric: metric };
}
