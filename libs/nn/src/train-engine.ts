import { useBackend } from './backends.js';
import { algebraSteps } from './algebra-steps.js';
import { arrayAlgebra } from './algebra/array-algebra.js';
import { NnError } from './nn-error.js';
import { onnxProblem } from './onnx/onnx-runtime.js';
import { epochsOfSteps } from './step-engine.js';
import type { BackendName } from './backends.js';
import { trainableSize } from './network-plan.js';
import type { FitsTogether } from './onnx/fits-together.js';
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
 * Parameters × rows of a step from which 'auto' takes the ONNX graph, measured on two cores of a server (README): the graph is twice as
 * fast from some thousand on, below it is the fixed cost of a run that counts.
 */
const onnxCrossover = 2_000;

/**
 * Chooses for a network, a batch size and the backend at hand. 'auto' is the compiled engine for a tiny network on cpu or wasm,
 * the ONNX graph for a larger one where onnxruntime loads, and TensorFlow.js on gpu and node.
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
  if (asked === 'onnx') {
    const problem = await onnxProblem();
    if (problem === undefined) return { engine: 'onnx', backend: 'cpu', reason: "'onnx' was asked for." };
    throw new NnError('RK_BACKEND_UNAVAILABLE', `The engine onnx is not available: ${problem}`, {
      details: { engine: asked },
      hint: "Install onnxruntime-node on a platform that it supports, or leave the engine at 'auto'.",
    });
  }
  const parameters = trainableSize(plan);
  const size = `${parameters} parameters in batches of ${batchSize}`;
  if (backend === 'gpu' || backend === 'node') return withoutOnnx(backend, `the backend is ${backend}`);
  if (parameters * batchSize < onnxCrossover) return withoutOnnx(backend, `${size} are few for onnx`);
  const problem = await onnxProblem();
  if (problem !== undefined) return withoutOnnx(backend, `onnx was passed over: ${problem}`);
  return { engine: 'onnx', backend: 'cpu', reason: `onnx is the fastest for ${size}.` };
}

/**
 * Chooses for a given model that only TensorFlow.js's Layers can build, for the reason `why`: its kernels, on a backend that has
 * their gradients. RK_BACKEND_UNAVAILABLE where another engine was asked for by name.
 */
export function chooseForKept(asked: TrainEngine | 'auto', backend: BackendName, why: string): ChosenEngine {
  if (asked !== 'auto' && asked !== 'tfjs') {
    throw new NnError('RK_BACKEND_UNAVAILABLE', `The engine ${asked} can't express ${why}.`, {
      details: { engine: asked },
      hint: "Leave the engine at 'auto', or take 'tfjs': TensorFlow.js has it.",
    });
  }
  const able = backend === 'wasm' ? 'cpu' : backend;
  return { engine: 'tfjs', backend: able, reason: `tfjs on ${able}: no other engine can express ${why}.` };
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
  together?: FitsTogether,
): Promise<EpochEngine> {
  if (engine === 'onnx') {
    const { onnxEpochs } = await import('./onnx/onnx-epochs.js');
    return onnxEpochs(setup, data, shouldStop, together);
  }
  if (engine === 'compiled') return epochsOfSteps(algebraSteps(arrayAlgebra(), setup), data, shouldStop);
  await useBackend(backend);
  const { tensorAlgebra } = await import('./algebra/tensor-algebra.js');
  return epochsOfSteps(algebraSteps(tensorAlgebra(), setup), data, shouldStop);
}
