import { useBackend } from './backends.js';
import { compiledSteps } from './compiled-steps.js';
import { NnError } from './nn-error.js';
import { onnxProblem } from './onnx/onnx-runtime.js';
import { onnxUnsupported } from './onnx/onnx-support.js';
import { epochsOfSteps } from './step-engine.js';
import type { BackendName } from './backends.js';
import type { NetworkPlan } from './network-plan.js';
import type { EpochEngine, FitData, StepSetup } from './step-engine.js';

/**
 * How steps are computed: by TensorFlow.js's kernels on a backend, by loops that give the cpu backend's bits, or by an
 * ONNX graph on one core.
 */
export type TrainEngine = 'compiled' | 'tfjs' | 'onnx';

/** What fits a network. */
export interface ChosenEngine {
  engine: TrainEngine;
  backend: BackendName;
  /** One sentence for the log and for the run. */
  reason: string;
}

/**
 * Parameters × rows of a step from which 'auto' takes the ONNX graph, measured on two cores of a server (README): below, the
 * loops are as fast, or the graph's fixed costs (loading onnxruntime, a session) eat what it saves.
 */
const onnxCrossover = 20_000;

/**
 * Chooses for a network, a batch size and the backend at hand. 'auto' is the compiled engine for a small network on cpu or wasm,
 * the ONNX graph for a larger one where onnxruntime loads, and TensorFlow.js on gpu and node. A network that 'onnx' was asked for
 * and that it has no graph for is fitted as 'auto' would without it; the reason says so.
 *
 * RK_BACKEND_UNAVAILABLE: 'compiled' on another backend than cpu; 'onnx' where onnxruntime does not load.
 */
export async function chooseEngine(
  asked: TrainEngine | 'auto',
  backend: BackendName,
  plan: NetworkPlan,
  batchSize: number,
): Promise<ChosenEngine> {
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
  if (asked === 'compiled' || asked === 'tfjs')
    return { engine: asked, backend, reason: `'${asked}' was asked for.` };
  const missing = onnxUnsupported(plan);
  if (asked === 'onnx') {
    if (missing !== undefined) return withoutOnnx(backend, `'onnx' was asked for, and ${missing}`);
    const problem = await onnxProblem();
    if (problem === undefined) return { engine: 'onnx', backend: 'cpu', reason: "'onnx' was asked for." };
    throw new NnError('RK_BACKEND_UNAVAILABLE', `The engine onnx is not available: ${problem}`, {
      details: { engine: asked },
      hint: "Install onnxruntime-node on a platform that it supports, or leave the engine at 'auto'.",
    });
  }
  const parameters = plan.operations.reduce(
    (sum, op) => sum + (op.kind === 'dense' ? (op.inputs + 1) * op.outputs : 0),
    0,
  );
  const size = `${parameters} parameters in batches of ${batchSize}`;
  if (backend === 'gpu' || backend === 'node') return withoutOnnx(backend, `the backend is ${backend}`);
  if (parameters * batchSize < onnxCrossover) return withoutOnnx(backend, `${size} are few for onnx`);
  const problem = missing ?? (await onnxProblem());
  if (problem !== undefined) return withoutOnnx(backend, `onnx was passed over: ${problem}`);
  return { engine: 'onnx', backend: 'cpu', reason: `onnx is the fastest for ${size}.` };
}

function withoutOnnx(backend: BackendName, why: string): ChosenEngine {
  const engine = backend === 'cpu' ? 'compiled' : 'tfjs';
  return { engine, backend, reason: `${engine} on ${backend}: ${why}.` };
}

/** Opens the engine for one fit. */
export async function openEngine(
  { engine, backend }: ChosenEngine,
  setup: StepSetup,
  data: FitData,
  shouldStop: () => boolean,
): Promise<EpochEngine> {
  if (engine === 'onnx') {
    const { onnxEpochs } = await import('./onnx/onnx-epochs.js');
    return onnxEpochs(setup, data, shouldStop);
  }
  if (engine === 'compiled') return epochsOfSteps(compiledSteps(setup), data, shouldStop);
  await useBackend(backend);
  const { kernelSteps } = await import('./kernel-steps.js');
  return epochsOfSteps(kernelSteps(setup), data, shouldStop);
}
