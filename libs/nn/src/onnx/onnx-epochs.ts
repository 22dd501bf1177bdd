import { countProducts } from './onnx-support.js';
import { lossFactor } from './loss-graph.js';
import { returnSession, takeSession } from './onnx-runtime.js';
import { stepSizeOf } from './optimizer-graph.js';
import { trainingGraph } from './training-graph.js';
import { dropoutMask, gradientScale } from '../step-engine.js';
import type { InferenceSession, Tensor } from 'onnxruntime-node';
import type { Loss } from '../model-spec.js';
import type { BatchSums } from '../output-gradient.js';
import type { EpochEngine, EpochsOutcome, FitData, StepSetup } from '../step-engine.js';
import type { TrainingGraphSpec } from './training-graph.js';

/**
 * Most multiply-adds of one run of the graph: some 30 ms on one core of a server. A run cannot be interrupted, and a thread
 * or process that ends during one aborts the process.
 */
const productsPerRun = 2e9;
/** Short epochs are put together in one run up to so many multiply-adds and steps, some 2 ms: a run costs 0.08 ms by itself. */
const productsTogether = 1e8;
const stepsTogether = 100;

/**
 * Fits by ONNX graphs: an epoch is one run, a long one several, some short ones one. That changes no bit. `shouldStop` is
 * asked before every run, and the event loop turns between runs.
 */
export async function onnxEpochs(
  setup: StepSetup,
  data: FitData,
  shouldStop: () => boolean,
): Promise<EpochEngine> {
  const { plan, loss, optimizer, random, variances } = setup;
  const { rows, batchSize: batch } = data;
  const spec: TrainingGraphSpec = { plan, loss, optimizer, batch, precision: 'float32' };
  const opened = await takeSession(keyOf(spec), () => trainingGraph(spec));
  const { graph, session, Tensor } = opened;
  const fixed: Record<string, Tensor> = {
    features: new Tensor('float32', data.features, [rows, plan.inputs]),
    targets: new Tensor('float32', targetMatrix(loss, data.targets, rows, plan.outputs), [
      rows,
      plan.outputs,
    ]),
  };
  let states: Record<string, Tensor> = {};
  for (const { name, shape, parameter } of graph.states) {
    const values =
      parameter === undefined ? new Float32Array(shape[0] * shape[1]) : setup.initial[parameter]!.slice();
    states[name] = new Tensor('float32', values, shape);
  }
  const factor = gradientScale(optimizer) * lossFactor(loss, plan.outputs);
  const stepsOfEpoch = Math.ceil(rows / batch);
  const productsPerStep = countProducts(plan) * batch;
  const stepsPerRun = Math.max(1, Math.floor(productsPerRun / productsPerStep));
  const together = Math.min(stepsTogether, productsTogether / productsPerStep);
  let stepsDone = 0;

  /** The rows of a step, which counts through all orders. */
  const rowsOf = (orders: readonly Int32Array[], step: number): Int32Array => {
    const start = (step % stepsOfEpoch) * batch;
    return orders[Math.floor(step / stepsOfEpoch)]!.subarray(start, Math.min(start + batch, rows));
  };

  const run = async (orders: readonly Int32Array[], from: number, steps: number): Promise<Float32Array> => {
    const indices = new Int32Array(steps * batch);
    const factors = new Float32Array(steps * batch);
    const masks = graph.masks.map(({ width }) => new Float32Array(steps * batch * width));
    for (let step = 0; step < steps; step += 1) {
      const chosen = rowsOf(orders, from + step);
      const size = chosen.length;
      const at = step * batch;
      // A short batch is filled up by its first row, with weight zero.
      indices.fill(chosen[0]!, at, at + batch);
      indices.set(chosen, at);
      factors.fill(factor / size, at, at + size);
      for (const [i, { width, rate }] of graph.masks.entries())
        masks[i]!.set(dropoutMask(size * width, rate, random), at * width);
    }
    const feeds: Record<string, Tensor> = {
      ...fixed,
      ...states,
      indices: new Tensor('int32', indices, [steps, batch]),
      factors: new Tensor('float32', factors, [steps, batch, 1]),
    };
    for (const [i, { name, width }] of graph.masks.entries())
      feeds[name] = new Tensor('float32', masks[i]!, [steps, batch, width]);
    if (graph.hasStepSizes) {
      const sizes = Float32Array.from({ length: steps }, (_, i) => stepSizeOf(optimizer, stepsDone + i + 1)!);
      feeds['step_sizes'] = new Tensor('float32', sizes, [steps]);
    }
    const results: InferenceSession.ReturnType = await session.run(feeds);
    states = Object.fromEntries(graph.states.map(({ name }) => [name, results[`next_${name}`]!]));
    stepsDone += steps;
    return results['report']!.data as Float32Array;
  };

  return {
    epochsAtOnce: Math.max(1, Math.floor(together / stepsOfEpoch)),
    async epochs(orders): Promise<EpochsOutcome> {
      const finished: BatchSums[] = [];
      let sums: BatchSums = { loss: 0, metric: 0 };
      const all = orders.length * stepsOfEpoch;
      for (let from = 0; from < all; from += stepsPerRun) {
        if (shouldStop()) return { sums: finished, end: { kind: 'stopped' } };
        const steps = Math.min(stepsPerRun, all - from);
        const report = await run(orders, from, steps);
        for (let step = from; step < from + steps; step += 1) {
          const values = report.subarray((step - from) * batch * plan.outputs);
          addSums(loss, values, data.targets, rowsOf(orders, step), variances, sums);
          const batchOfEpoch = (step % stepsOfEpoch) + 1;
          if (!Number.isFinite(sums.loss))
            return { sums: finished, end: { kind: 'diverged', batch: batchOfEpoch } };
          if (batchOfEpoch < stepsOfEpoch) continue;
          finished.push(sums);
          sums = { loss: 0, metric: 0 };
        }
      }
      return { sums: finished, end: { kind: 'done' } };
    },
    parameters: () => plan.parameters.map((_, i) => Float32Array.from(states[`p${i}`]!.data as Float32Array)),
    dispose: () => returnSession(opened),
  };
}

/** All that decides the graph, and nothing else: rates that are fed in its runs leave the session as it is. */
function keyOf({ plan, loss, optimizer, batch }: TrainingGraphSpec): string {
  const { learningRate: _learningRate, ...rest } = optimizer;
  return JSON.stringify([plan.operations, plan.inputs, loss, rest, batch]);
}

/** Classes one-hot, numbers as they are: rows × outputs. */
function targetMatrix(
  loss: Loss,
  targets: Int32Array | Float32Array,
  rows: number,
  outputs: number,
): Float32Array {
  if (loss === 'mse') return Float32Array.from(targets);
  const matrix = new Float32Array(rows * outputs);
  for (let row = 0; row < rows; row += 1) matrix[row * outputs + targets[row]!] = 1;
  return matrix;
}

/** Adds a step's losses and metric, from the graph's report, as `outputGradient` does. */
function addSums(
  loss: Loss,
  report: Float32Array,
  targets: Int32Array | Float32Array,
  rows: Int32Array,
  variances: Float64Array,
  sums: BatchSums,
): void {
  const outputs = variances.length;
  for (let i = 0; i < rows.length; i += 1) {
    const start = i * outputs;
    if (loss === 'mse') {
      for (let j = 0; j < outputs; j += 1) {
        const square = report[start + j]! ** 2 / outputs;
        sums.loss += square;
        sums.metric += square * variances[j]!;
      }
      continue;
    }
    const label = targets[rows[i]!]!;
    let best = 0;
    for (let c = 1; c < outputs; c += 1) if (report[start + c]! > report[start + best]!) best = c;
    sums.loss -= report[start + label]!;
    if (best === label) sums.metric += 1;
  }
}
