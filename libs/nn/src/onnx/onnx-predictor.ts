import { forwardPass } from '../layers/network-pass.js';
import { countProducts, lastDense, matrixShape } from '../network-plan.js';
import { activateRow } from '../row-activations.js';
import { GraphBuilder } from './graph-builder.js';
import { openSession } from './onnx-runtime.js';
import { encodeOnnxModel } from './onnx-model.js';
import { graphVersion } from './training-graph.js';
import type { NetworkPlan } from '../network-plan.js';

/** A network on onnxruntime. */
export interface OnnxNetwork {
  /** Computes `rows` rows of features into `out`. Event loop turns pass between its runs. */
  run(features: Float32Array, rows: number, out: Float32Array): Promise<void>;
  /** Frees the session once what is in flight has ended. */
  release(): void;
}

/** Most multiply-adds of one run, some 10 ms: the thread answers nobody else meanwhile. */
const productsPerRun = 5e8;

/**
 * A fitted network as one ONNX graph with its weights as constants, on one core of the processor. The last activation is computed here, in
 * double precision, as in the compiled network. RK_BACKEND_UNAVAILABLE where onnxruntime can't be loaded.
 */
export async function onnxNetwork(
  plan: NetworkPlan,
  parameters: readonly Float32Array[],
): Promise<OnnxNetwork> {
  const { session, Tensor } = await openSession(predictionGraph(plan, parameters));
  const { activation } = lastDense(plan);
  const rowsPerRun = Math.max(1, Math.floor(productsPerRun / Math.max(1, countProducts(plan) / 3)));
  let running = 0;
  let released = false;
  const freeIfDone = (): void => {
    // It can't be freed under a run; nobody waits for it.
    if (released && running === 0) void session.release().catch(() => undefined);
  };
  return {
    async run(features, rows, out) {
      running += 1;
      try {
        for (let from = 0; from < rows; from += rowsPerRun) {
          const count = Math.min(rowsPerRun, rows - from);
          const part = features.subarray(from * plan.inputs, (from + count) * plan.inputs);
          const input = new Tensor('float32', part, [count, plan.inputs]);
          const results = await session.run({ features: input });
          const values = results['outputs']!.data as Float32Array;
          for (let row = 0; row < count; row += 1)
            activateRow(values.subarray(row * plan.outputs, (row + 1) * plan.outputs), undefined, activation);
          out.set(values, from * plan.outputs);
        }
      } finally {
        running -= 1;
        freeIfDone();
      }
    },
    release() {
      if (released) return;
      released = true;
      freeIfDone();
    },
  };
}

function predictionGraph(plan: NetworkPlan, parameters: readonly Float32Array[]): Uint8Array {
  const builder = new GraphBuilder('predict', 'float32');
  const features = builder.input('features', ['rows', plan.inputs]);
  const weights = plan.parameters.map((parameter, i) =>
    builder.weights(`p${i}`, matrixShape(parameter), parameters[i]!),
  );
  const trace = forwardPass<string>(plan, features, {
    algebra: builder,
    parameters: weights,
    training: false,
    rows: 0,
    masks: new Map(),
    rowShares: '',
    counting: undefined,
  });
  builder.applyNamed('Identity', [trace.values[plan.operations.length]!], ['outputs'], {});
  builder.output('outputs', ['rows', plan.outputs]);
  return encodeOnnxModel(builder.build(), { name: 'rookery-nn', version: String(graphVersion) });
}
