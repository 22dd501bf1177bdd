import { backendInUse, returnToBackend, useBackend } from './backends.js';
import { compileNetwork } from './compiled-network.js';
import { sizeOf } from './network-plan.js';
import { NnError } from './nn-error.js';
import { randomStream } from './random.js';
import { onnxNetwork } from './onnx/onnx-predictor.js';
import { onnxProblem } from './onnx/onnx-runtime.js';
import { RecentTexts } from './recent-texts.js';
import { planFromTopology } from './topology/topology-plan.js';
import { decodeWeights } from './weights.js';
import type { BackendName } from './backends.js';
import type { CompiledNetwork } from './compiled-network.js';
import type { OnnxNetwork } from './onnx/onnx-predictor.js';
import type { NetworkPlan } from './network-plan.js';
import type { TrainedModel } from './trained-model.js';

export type PredictorEngine = 'compiled' | 'tfjs' | 'onnx';

export interface PredictorOptions {
  /** For the engine 'tfjs' and the parity check. Default: the backend in use; where none is, cpu, or wasm for a large model. */
  backend?: BackendName;
  /** Default 'auto'. */
  engine?: PredictorEngine | 'auto';
  /**
   * What the compiled loops, or the graph, are checked with. 'weights' (default): this model's own. 'topology': where a model of the same topology
   * passed the check in this process, that counts; for models that are asked once and never served, such as those of folds.
   */
  check?: 'weights' | 'topology';
  /** Only `predictAsync` will be called: 'auto' may take 'onnx', which has no other. */
  asynchronous?: boolean;
  /** Rows that will be asked for in all, where that is known: whether opening a session pays. */
  rows?: number;
}

export interface Predictor {
  readonly engine: PredictorEngine;
  /** One sentence: why this engine. */
  readonly reason: string;
  /** The TensorFlow.js backend behind the engine 'tfjs'; undefined for 'compiled'. */
  readonly backend: BackendName | undefined;
  readonly inputs: number;
  readonly outputs: number;
  /** Tensors held until `dispose` (0 for the compiled engine). */
  readonly tensorsHeld: number;
  /** `rows` × inputs features → rows × outputs: probabilities per class, or numbers. Synchronous; the engine 'onnx' throws. */
  predict(features: Float32Array, rows: number, out?: Float32Array): Float32Array;
  /** The same through a promise; on an asynchronous backend the event loop is free meanwhile, with 'onnx' between runs of some 10 ms. */
  predictAsync(features: Float32Array, rows: number, out?: Float32Array): Promise<Float32Array>;
  /** Frees every tensor, at once: call it when no `predictAsync` is in flight (with 'onnx' it may be). A second call does nothing; `predict` afterwards throws. */
  dispose(): void;
}

/** Weights up to which the loops beat the kernels of wasm on the small batches of a server: alike at 60,000 for single rows and at 8,000 for batches of 8 (README). */
const compiledLimit = 20_000;

/** Engines with topologies, as their JSON text, of which a model passed the check. What is made depends on nothing else but the weights. */
const checkedTopologies = new RecentTexts(64);
/** Weights above which onnxruntime is faster even for single rows: a run costs it 10 µs, and the loops a nanosecond a weight (README). */
const onnxFrom = 8_000;
/** Weights × rows above which it is faster for rows that are predicted once: the loops take 20 ms, opening a session some milliseconds. */
const onnxOnceFrom = 20_000_000;

/**
 * Loads a model for prediction. 'auto' compiles a network of the specification's layers and up to 20,000 weights
 * to loops over typed arrays, after checking on fixed rows that they answer as TensorFlow.js does, and frees the
 * TensorFlow.js model at once; anything else, and a model that fails the check, is served by TensorFlow.js. Where the caller is
 * `asynchronous`, a larger network, or one that has many rows before it, is a graph on onnxruntime, where that loads; checked likewise.
 *
 * RK_MODEL_CORRUPT: weights of the wrong length, not finite, or not those of the topology. RK_MODEL_UNSUPPORTED:
 * 'compiled' or 'onnx' was asked for and cannot be had. RK_BACKEND_UNAVAILABLE. Nothing is held after an error.
 */
export async function loadPredictor(model: TrainedModel, options: PredictorOptions = {}): Promise<Predictor> {
  const asked = options.engine ?? 'auto';
  const parameters = decodeWeights(model.weightSpecs, model.weights);
  const { plan } = planFromTopology(model.topology);
  if (plan !== undefined) checkPlan(plan, model);
  const numbers = model.weights.byteLength / 4;
  const small = numbers <= compiledLimit;
  const backend = options.backend ?? backendInUse() ?? (small ? 'cpu' : 'wasm');
  const tryCompiled = plan !== undefined && (asked === 'compiled' || (asked === 'auto' && small));
  if (asked !== 'auto' && asked !== 'tfjs' && plan === undefined) {
    throw unsupported('it holds layers that a specification does not have');
  }
  if (plan !== undefined && (asked === 'onnx' || (asked === 'auto' && (await onnxPays(numbers, options))))) {
    await useBackend(backendInUse() ?? backend);
    const served = await servedByOnnx(model, plan, parameters, backend, options);
    if (served !== undefined) return served;
  }
  // Any backend will do for the check; a change would disturb models that are being served on the present one.
  await useBackend(tryCompiled ? (backendInUse() ?? backend) : backend);
  if (!tryCompiled) {
    const reason =
      asked === 'tfjs'
        ? "'tfjs' was asked for."
        : small
          ? 'Some layers cannot be compiled.'
          : `${numbers} weights are faster on ${backend}.`;
    return tfjsPredictor(model, backend, reason);
  }
  const run = compileNetwork(plan, parameters);
  const difference = await checked('compiled', model, plan, run, options);
  if (difference === undefined) return compiledPredictor(model, run);
  if (asked === 'compiled')
    throw unsupported(`the compiled network differs from TensorFlow.js: ${difference}`);
  await useBackend(backend);
  return tfjsPredictor(model, backend, `The compiled network differs: ${difference}.`);
}

/** On onnxruntime, or by TensorFlow.js where the graph answers otherwise; undefined where 'auto' has to take another engine. */
async function servedByOnnx(
  model: TrainedModel,
  plan: NetworkPlan,
  parameters: Float32Array[],
  backend: BackendName,
  options: PredictorOptions,
): Promise<Predictor | undefined> {
  const byName = options.engine === 'onnx';
  let network: OnnxNetwork;
  try {
    network = await onnxNetwork(plan, parameters);
  } catch (error) {
    if (byName) throw error;
    return undefined;
  }
  const difference = await checked('onnx', model, plan, network.run, options).catch((error: unknown) => {
    network.release();
    throw error;
  });
  if (difference === undefined) return onnxPredictor(model, network);
  network.release();
  if (byName) throw unsupported(`its graph differs from TensorFlow.js: ${difference}`);
  await useBackend(backend);
  return tfjsPredictor(model, backend, `The graph differs: ${difference}.`);
}

async function onnxPays(numbers: number, { asynchronous, rows }: PredictorOptions): Promise<boolean> {
  if (asynchronous !== true) return false;
  const pays = rows === undefined ? numbers > onnxFrom : numbers * rows > onnxOnceFrom;
  return pays && (await onnxProblem()) === undefined;
}

function unsupported(why: string): NnError {
  return new NnError('RK_MODEL_UNSUPPORTED', `The model cannot be compiled: ${why}.`, {
    hint: "Leave the engine at 'auto' to serve it by TensorFlow.js.",
  });
}

function checkPlan(plan: NetworkPlan, model: TrainedModel): void {
  const fits =
    plan.inputs === model.inputs &&
    plan.outputs === model.outputs &&
    plan.parameters.length === model.weightSpecs.length &&
    plan.parameters.every((parameter, i) => sizeOf(parameter) === sizeOf(model.weightSpecs[i]!));
  if (fits) return;
  throw new NnError('RK_MODEL_CORRUPT', "The model's topology does not fit its weights, inputs or outputs.", {
    details: { inputs: String(model.inputs), outputs: String(model.outputs) },
    hint: 'Train or fetch the model again.',
  });
}

/** Fixed rows: around zero as standardised features are, one of zeros, one far out; codes where an embedding takes them. */
function goldenRows(inputs: number, plan: NetworkPlan): { features: Float32Array; rows: number } {
  const rows = 16;
  const random = randomStream(1, 0);
  const features = Float32Array.from({ length: rows * inputs }, () => (random() - 0.5) * 6);
  features.fill(0, 0, inputs);
  for (let j = inputs; j < 2 * inputs; j += 1) features[j] = features[j]! * 20;
  for (const op of plan.operations) {
    const source = op.kind === 'embedding' ? plan.operations[op.sources[0]! - 1] : undefined;
    if (op.kind !== 'embedding') continue;
    const column = source?.kind === 'columns' ? source.from : 0;
    for (let row = 0; row < rows; row += 1) features[row * inputs + column] = row % op.vocabulary;
  }
  return { features, rows };
}

/** As {@link disagreement}; where the check of the topology is enough and was passed, nothing is run. */
async function checked(
  engine: 'compiled' | 'onnx',
  model: TrainedModel,
  plan: NetworkPlan,
  run: CompiledNetwork | OnnxNetwork['run'],
  { check }: PredictorOptions,
): Promise<string | undefined> {
  const key = `${engine} ${model.topology}`;
  if (check === 'topology' && checkedTopologies.has(key)) return undefined;
  const difference = await disagreement(model, plan, run);
  if (difference === undefined) checkedTopologies.add(key);
  return difference;
}

/** What differs between the compiled network and TensorFlow.js beyond float32 rounding, or undefined. */
async function disagreement(
  model: TrainedModel,
  plan: NetworkPlan,
  run: CompiledNetwork | OnnxNetwork['run'],
): Promise<string | undefined> {
  const { openLayersModel, predictTensor } = await import('./layers-model.js');
  const { features, rows } = goldenRows(model.inputs, plan);
  const actual = new Float32Array(rows * model.outputs);
  await run(features, rows, actual);
  const layers = await openLayersModel(model);
  try {
    const result = predictTensor(layers, features, rows);
    const expected = result.dataSync();
    result.dispose();
    for (let row = 0; row < rows; row += 1) {
      const start = row * model.outputs;
      let largest = 1e-3;
      for (let j = 0; j < model.outputs; j += 1) largest = Math.max(largest, Math.abs(expected[start + j]!));
      for (let j = start; j < start + model.outputs; j += 1) {
        const gap = Math.abs(actual[j]! - expected[j]!);
        if (!(gap <= 1e-4 * largest)) return `${actual[j]} instead of ${expected[j]} on check row ${row}`;
      }
    }
    return undefined;
  } finally {
    layers.dispose();
  }
}

/** The result array: the caller's, if it is large enough. */
function target(
  model: TrainedModel,
  features: Float32Array,
  rows: number,
  out: Float32Array | undefined,
): Float32Array {
  const size = rows * model.outputs;
  if (features.length < rows * model.inputs) {
    throw new RangeError(
      `${rows} rows of ${model.inputs} features are ${rows * model.inputs} numbers; got ${features.length}.`,
    );
  }
  if (out === undefined) return new Float32Array(size);
  if (out.length < size)
    throw new RangeError(`The results are ${size} numbers; the array given holds ${out.length}.`);
  return out;
}

const disposedText = 'This predictor is disposed: load the model again.';

function compiledPredictor(model: TrainedModel, run: CompiledNetwork): Predictor {
  let disposed = false;
  const predict = (features: Float32Array, rows: number, out?: Float32Array): Float32Array => {
    if (disposed) throw new Error(disposedText);
    const result = target(model, features, rows, out);
    run(features, rows, result);
    return result;
  };
  return {
    engine: 'compiled',
    reason: 'Compiled; its answers on the check rows are those of TensorFlow.js.',
    backend: undefined,
    inputs: model.inputs,
    outputs: model.outputs,
    tensorsHeld: 0,
    predict,
    predictAsync: async (features, rows, out) => predict(features, rows, out),
    dispose() {
      disposed = true;
    },
  };
}

function onnxPredictor(model: TrainedModel, network: OnnxNetwork): Predictor {
  let disposed = false;
  return {
    engine: 'onnx',
    reason: 'A graph on onnxruntime; its answers on the check rows are those of TensorFlow.js.',
    backend: undefined,
    inputs: model.inputs,
    outputs: model.outputs,
    tensorsHeld: 0,
    predict() {
      throw new Error("A predictor of the engine 'onnx' answers by predictAsync only.");
    },
    async predictAsync(features, rows, out) {
      if (disposed) throw new Error(disposedText);
      const result = target(model, features, rows, out);
      await network.run(features, rows, result);
      return result;
    },
    dispose() {
      disposed = true;
      network.release();
    },
  };
}

async function tfjsPredictor(model: TrainedModel, backend: BackendName, reason: string): Promise<Predictor> {
  const { openLayersModel, predictTensor } = await import('./layers-model.js');
  const layers = await openLayersModel(model);
  let disposed = false;
  const forward = (features: Float32Array, rows: number): ReturnType<typeof predictTensor> => {
    if (disposed) throw new Error(disposedText);
    returnToBackend(backend);
    return predictTensor(layers, features.subarray(0, rows * model.inputs), rows);
  };
  return {
    engine: 'tfjs',
    reason,
    backend,
    inputs: model.inputs,
    outputs: model.outputs,
    tensorsHeld: layers.weights.length,
    predict(features, rows, out) {
      const result = target(model, features, rows, out);
      if (rows === 0) return result;
      const tensor = forward(features, rows);
      result.set(tensor.dataSync());
      tensor.dispose();
      return result;
    },
    async predictAsync(features, rows, out) {
      const result = target(model, features, rows, out);
      if (rows === 0) return result;
      const tensor = forward(features, rows);
      result.set(await tensor.data());
      tensor.dispose();
      return result;
    },
    dispose() {
      if (disposed) return;
      disposed = true;
      layers.dispose();
    },
  };
}
