import { lossFromReport, outputShare } from '../losses.js';
import { countProducts, matrixShape } from '../network-plan.js';
import { scalesGradients, stepScalars } from '../optimizers/update.js';
import { dropoutMask } from '../step-engine.js';
import { returnSession, takeSession } from './onnx-runtime.js';
import { threadsFor } from './onnx-threads.js';
import { gathersAhead, logitsGraph, numbersOfBatch, trainingGraph } from './training-graph.js';
import type { InferenceSession, Tensor } from 'onnxruntime-node';
import type { BatchSums } from '../losses.js';
import type { Loss } from '../spec/model-spec.js';
import type { EpochEngine, EpochsOutcome, FitData, StepSetup } from '../step-engine.js';
import type { CompiledGraph, OnnxSession } from './onnx-runtime.js';
import type { FitsTogether } from './fits-together.js';
import type { TrainingGraphSpec } from './training-graph.js';

/**
 * Most multiply-adds of one run of the graph: some 30 ms on one core of a server. A run cannot be interrupted, and a thread
 * or process that ends during one aborts the process.
 */
const productsPerRun = 2e9;
/** Short epochs are put together in one run up to so many multiply-adds and steps, some 7 ms: a run costs 0.08 ms by itself. */
const productsTogether = 1e8;
const stepsTogether = 500;
/** Most numbers that are gathered for a run before its first step: 4 MiB. */
const numbersAhead = 2 ** 20;

/**
 * Fits by ONNX graphs: an epoch is one run, a long one several, some short ones one. That changes no bit. `shouldStop` is
 * asked before every run, and the event loop turns between runs. With `together`, runs are those of several fits where it can be.
 */
export async function onnxEpochs(
  setup: StepSetup,
  data: FitData,
  shouldStop: () => boolean,
  together?: FitsTogether,
): Promise<EpochEngine> {
  const { plan, loss, optimizer, random, positives, variances, rateOf } = setup;
  const { rows, batchSize: batch, weights } = data;
  const spec: TrainingGraphSpec = { plan, loss, optimizer, batch, precision: 'float32' };
  if (positives !== undefined) spec.weighsPositives = true;
  const key = keyOf(spec);
  const productsPerStep = countProducts(plan) * batch;
  const threads = threadsFor(productsPerStep);
  const opened = await takeSession(key, () => trainingGraph(spec), threads);
  const member = together?.join({ key, spec, threads, opened });
  let predicting: OnnxSession<CompiledGraph> | undefined;
  const { graph, session, Tensor } = opened;
  const fixed: Record<string, Tensor> = {
    features: new Tensor('float32', data.features, [rows, plan.inputs]),
    targets: new Tensor('float32', targetMatrix(loss, data.targets, rows, plan.outputs), [
      rows,
      plan.outputs,
    ]),
  };
  if (positives !== undefined)
    fixed['positives'] = new Tensor('float32', Float32Array.from(positives), [1, plan.outputs]);
  let states: Record<string, Tensor> = {};
  for (const { name, shape, parameter } of graph.states) {
    const values =
      parameter === undefined ? new Float32Array(shape[0] * shape[1]) : setup.initial[parameter]!.slice();
    states[name] = new Tensor('float32', values, shape);
  }
  const scaled = scalesGradients(optimizer, plan);
  const share = outputShare(loss, plan.outputs);
  const input = { loss, targets: data.targets, rows, outputs: plan.outputs, weights, positives, variances };
  const stepsOfEpoch = Math.ceil(rows / batch);
  const stepsAhead = gathersAhead(spec) ? numbersAhead / numbersOfBatch(spec) : Infinity;
  const stepsPerRun = Math.max(1, Math.floor(Math.min(productsPerRun / productsPerStep, stepsAhead)));
  const stepsAtOnce = Math.min(stepsTogether, productsTogether / productsPerStep);
  let stepsDone = 0;

  /** The rows of a step, which counts through all orders. */
  const rowsOf = (orders: readonly Int32Array[], step: number): Int32Array => {
    const start = (step % stepsOfEpoch) * batch;
    return orders[Math.floor(step / stepsOfEpoch)]!.subarray(start, Math.min(start + batch, rows));
  };

  const run = async (
    orders: readonly Int32Array[],
    from: number,
    steps: number,
  ): Promise<{ report: Float32Array; penalty: Float32Array | undefined }> => {
    const indices = new Int32Array(steps * batch);
    const factors = new Float32Array(steps * batch);
    const counted = graph.countsRows ? steps * batch : 0;
    const shares = new Float32Array(counted);
    const counting = new Float32Array(counted);
    const masks = graph.masks.map(({ width }) => new Float32Array(steps * batch * width));
    const scalars = Array.from({ length: graph.scalars }, () => new Float32Array(steps));
    for (let step = 0; step < steps; step += 1) {
      const chosen = rowsOf(orders, from + step);
      const size = chosen.length;
      const at = step * batch;
      const rate = rateOf(stepsDone + step);
      // A short batch is filled up by its first row, with weight zero.
      indices.fill(chosen[0]!, at, at + batch);
      indices.set(chosen, at);
      const factor = ((scaled ? rate : 1) * share) / size;
      if (weights === undefined) factors.fill(factor, at, at + size);
      else for (let i = 0; i < size; i += 1) factors[at + i] = factor * weights[chosen[i]!]!;
      if (graph.countsRows) {
        shares.fill(1 / size, at, at + size);
        counting.fill(1, at, at + size);
      }
      for (const [i, { width, rate: dropped }] of graph.masks.entries())
        masks[i]!.set(dropoutMask(size * width, dropped, random), at * width);
      for (const [i, value] of stepScalars(optimizer, scaled, stepsDone + step + 1, rate).entries())
        scalars[i]![step] = value;
    }
    const feeds: Record<string, Tensor> = {
      ...fixed,
      ...states,
      indices: new Tensor('int32', indices, [steps, batch]),
      factors: new Tensor('float32', factors, [steps, batch, 1]),
    };
    if (graph.countsRows) {
      feeds['shares'] = new Tensor('float32', shares, [steps, 1, batch]);
      feeds['counting'] = new Tensor('float32', counting, [steps, batch, 1]);
    }
    for (const [i, { name, width }] of graph.masks.entries())
      feeds[name] = new Tensor('float32', masks[i]!, [steps, batch, width]);
    for (const [i, values] of scalars.entries()) feeds[`scalar${i}`] = new Tensor('float32', values, [steps]);
    const results: InferenceSession.ReturnType = await (member ?? session).run(feeds);
    states = Object.fromEntries(graph.states.map(({ name }) => [name, results[`next_${name}`]!]));
    stepsDone += steps;
    const penalty = graph.hasPenalty ? (results['penalty']!.data as Float32Array) : undefined;
    return { report: results['report']!.data as Float32Array, penalty };
  };

  return {
    epochsAtOnce: Math.max(1, Math.floor(stepsAtOnce / stepsOfEpoch)),
    async epochs(orders): Promise<EpochsOutcome> {
      const finished: BatchSums[] = [];
      let sums: BatchSums = { loss: 0, metric: 0 };
      const all = orders.length * stepsOfEpoch;
      for (let from = 0; from < all; from += stepsPerRun) {
        if (shouldStop()) return { sums: finished, end: { kind: 'stopped' } };
        const steps = Math.min(stepsPerRun, all - from);
        const { report, penalty } = await run(orders, from, steps);
        for (let step = from; step < from + steps; step += 1) {
          const values = report.subarray((step - from) * batch * plan.outputs);
          const chosen = rowsOf(orders, step);
          lossFromReport(input, values, chosen, sums);
          if (penalty !== undefined) sums.loss += penalty[step - from]! * chosen.length;
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
    async logits(features, count) {
      predicting ??= await takeSession(`logits ${structureOf(spec)}`, () => ({
        model: logitsGraph(plan, 'float32'),
      }));
      const own = plan.parameters.map((_, i) => [`p${i}`, states[`p${i}`]!] as const);
      const feeds = {
        features: new Tensor('float32', features, [count, plan.inputs]),
        ...Object.fromEntries(own),
      };
      return (await predicting.session.run(feeds))['logits']!.data as Float32Array;
    },
    parameters: () => plan.parameters.map((_, i) => (states[`p${i}`]!.data as Float32Array).slice()),
    async dispose() {
      await member?.leave();
      await returnSession(opened);
      if (predicting !== undefined) await returnSession(predicting);
    },
  };
}

/** The network, without what only decides its first weights. */
function structureOf({ plan }: TrainingGraphSpec): string {
  const operations = plan.operations.map((op) => ({ ...op, initializer: undefined, name: undefined }));
  return JSON.stringify([operations, plan.inputs, plan.parameters.map(matrixShape)]);
}

/** All that decides the graph, and nothing else: rates that are fed in its runs leave the session as it is. */
function keyOf(spec: TrainingGraphSpec): string {
  const { learningRate: _learningRate, schedule: _schedule, ...rest } = spec.optimizer;
  return JSON.stringify(['training', structureOf(spec), spec.loss, rest, spec.batch, spec.weighsPositives]);
}

/** Classes one-hot, numbers as they are: rows × outputs. */
function targetMatrix(
  loss: Loss,
  targets: Int32Array | Float32Array,
  rows: number,
  outputs: number,
): Float32Array {
  if (loss !== 'sparse_categorical_crossentropy') return Float32Array.from(targets);
  const matrix = new Float32Array(rows * outputs);
  for (let row = 0; row < rows; row += 1) matrix[row * outputs + targets[row]!] = 1;
  return matrix;
}
