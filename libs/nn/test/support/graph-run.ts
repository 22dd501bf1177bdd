import { InferenceSession, Tensor } from 'onnxruntime-node';
import { lossFromReport, outputShare } from '../../src/losses.js';
import { trainingGraph } from '../../src/onnx/training-graph.js';
import { learningRateAt } from '../../src/optimizers/learning-rate.js';
import { scalesGradients, stepScalars } from '../../src/optimizers/update.js';
import type { TrainingGraphSpec } from '../../src/onnx/training-graph.js';

export interface GraphBatch {
  rows: number;
  features: readonly number[];
  /** Class indices, or rows × outputs numbers. */
  targets: readonly number[];
  weights?: readonly number[];
}

/** Runs the steps of given batches, of different sizes, in a training graph; gives each loss before its step, and the parameters. */
export async function runTrainingGraph(
  spec: TrainingGraphSpec,
  initial: readonly ArrayLike<number>[],
  batches: readonly GraphBatch[],
  masks: readonly Float64Array[] = [],
  positives?: readonly number[],
): Promise<{ losses: number[]; parameters: Float64Array[] }> {
  const { plan, loss, optimizer, batch, precision } = spec;
  const { outputs } = plan;
  const steps = batches.length;
  const graph = trainingGraph({ ...spec, weighsPositives: positives !== undefined });
  const session = await InferenceSession.create(graph.model, { intraOpNumThreads: 1 });
  const tensor = (values: ArrayLike<number>, shape: readonly number[]): Tensor =>
    precision === 'float32'
      ? new Tensor('float32', Float32Array.from(values), shape)
      : new Tensor('float64', Float64Array.from(values), shape);
  const rows = batches.reduce((sum, one) => sum + one.rows, 0);
  const classes = loss === 'sparse_categorical_crossentropy';
  const targets = batches.flatMap((one) => [...one.targets]);
  const hot = classes
    ? targets.flatMap((label) => Array.from({ length: outputs }, (_, c) => Number(c === label)))
    : targets;
  const indices = new Int32Array(steps * batch);
  const factors = new Float64Array(steps * batch);
  const shares = new Float64Array(steps * batch);
  const counting = new Float64Array(steps * batch);
  const scalars = Array.from({ length: graph.scalars }, () => new Float64Array(steps));
  const scaled = scalesGradients(optimizer, plan);
  const starts: number[] = [];
  let from = 0;
  for (const [step, { rows: size, weights }] of batches.entries()) {
    starts.push(from);
    const rate = learningRateAt(optimizer, step, 1, 1);
    for (let i = 0; i < size; i += 1) {
      const at = step * batch + i;
      indices[at] = from + i;
      factors[at] = ((scaled ? rate : 1) * outputShare(loss, outputs) * (weights?.[i] ?? 1)) / size;
      shares[at] = 1 / size;
      counting[at] = 1;
    }
    for (const [i, value] of stepScalars(optimizer, scaled, step + 1, rate).entries())
      scalars[i]![step] = value;
    from += size;
  }
  const feeds: Record<string, Tensor> = {
    features: tensor(
      batches.flatMap((one) => [...one.features]),
      [rows, plan.inputs],
    ),
    targets: tensor(hot, [rows, outputs]),
    indices: new Tensor('int32', indices, [steps, batch]),
    factors: tensor(factors, [steps, batch, 1]),
  };
  if (positives !== undefined) feeds['positives'] = tensor(positives, [1, outputs]);
  if (graph.countsRows) {
    feeds['shares'] = tensor(shares, [steps, 1, batch]);
    feeds['counting'] = tensor(counting, [steps, batch, 1]);
  }
  for (const [i, { name, width }] of graph.masks.entries())
    feeds[name] = tensor(masks[i]!, [steps, batch, width]);
  for (const [i, values] of scalars.entries()) feeds[`scalar${i}`] = tensor(values, [steps]);
  for (const { name, shape, parameter } of graph.states)
    feeds[name] = tensor(
      parameter === undefined ? new Float64Array(shape[0] * shape[1]) : initial[parameter]!,
      shape,
    );
  const results = await session.run(feeds);
  const report = results['report']!.data as Float32Array;
  const losses = batches.map(({ rows: size, targets: own, weights }, step) => {
    const sums = { loss: 0, metric: 0 };
    const chosen = Int32Array.from({ length: size }, (_, i) => i);
    const variances = new Float64Array(outputs).fill(1);
    const input = { loss, targets: own, rows: size, outputs, weights, positives, variances };
    lossFromReport(input, report.subarray(step * batch * outputs), chosen, sums);
    const penalty = graph.hasPenalty ? Number(results['penalty']!.data[step]) : 0;
    return sums.loss / size + penalty;
  });
  const parameters = plan.parameters.map((_, i) =>
    Float64Array.from(results[`next_p${i}`]!.data as Float32Array),
  );
  await session.release();
  return { losses, parameters };
}
