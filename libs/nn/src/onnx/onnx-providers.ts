import { NnError } from '../nn-error.js';
import { GraphBuilder } from './graph-builder.js';
import { encodeOnnxModel } from './onnx-model.js';
import type * as onnxruntime from 'onnxruntime-node';

/** Where onnxruntime computes: on the processor, on an NVIDIA GPU, on any GPU that Vulkan, Metal or Direct3D 12 reaches. */
export const onnxProviders = ['cpu', 'cuda', 'webgpu'] as const;
export type OnnxProvider = (typeof onnxProviders)[number];

let chosen: readonly OnnxProvider[] = ['cpu'];
let probed: Promise<string | undefined> | undefined;

/**
 * Chooses where this thread's sessions compute, in the order of preference for each operator; the processor does what is left. Call it
 * before the first fit. RK_BACKEND_UNAVAILABLE for a name that is none; whether a provider works is found at the first use.
 */
export function useOnnxProviders(providers: readonly string[]): void {
  const unknown = providers.find((name) => !onnxProviders.some((known) => known === name));
  if (unknown !== undefined || providers.length === 0) {
    const text = `onnxruntime has no execution provider '${unknown ?? ''}' here.`;
    throw new NnError('RK_BACKEND_UNAVAILABLE', text, {
      details: { provider: unknown ?? '' },
      hint: `Use ${onnxProviders.join(', ')}, several with commas between them.`,
    });
  }
  const known = [...new Set(providers as readonly OnnxProvider[])];
  chosen = known.includes('cpu') ? known : [...known, 'cpu'];
  probed = undefined;
}

/** The providers in use, the processor last or alone. */
export function onnxProvidersInUse(): readonly OnnxProvider[] {
  return chosen;
}

const installs: Readonly<Record<OnnxProvider, string>> = {
  cpu: 'install onnxruntime-node again',
  cuda: "let onnxruntime-node's install script fetch its CUDA libraries (ONNXRUNTIME_NODE_INSTALL=cuda12), beside CUDA 12 and cuDNN 9",
  webgpu: 'install a driver with Vulkan',
};

/** Why one of the chosen providers can't compute, with what to do; undefined where all can. Found once, by a graph of one operator. */
export function providersProblem(runtime: typeof onnxruntime): Promise<string | undefined> {
  probed ??= probe(runtime);
  return probed;
}

async function probe(runtime: typeof onnxruntime): Promise<string | undefined> {
  for (const provider of chosen) {
    if (provider === 'cpu') continue;
    try {
      const options = { executionProviders: [provider], logSeverityLevel: 4 as const };
      const session = await runtime.InferenceSession.create(probeGraph(), options);
      try {
        const x = new runtime.Tensor('float32', Float32Array.of(-1, 2), [1, 2]);
        const { y } = await session.run({ x });
        const [, two] = y?.data as Float32Array;
        if (two !== 2) return `${provider} computes ${two} where 2 is right`;
      } finally {
        await session.release();
      }
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      return `the execution provider ${provider} does not work (${why.trim()}); ${installs[provider]}`;
    }
  }
  return undefined;
}

function probeGraph(): Uint8Array {
  const builder = new GraphBuilder('probe', 'float32');
  const x = builder.input('x', ['rows', 2]);
  builder.applyNamed('Relu', [x], ['y'], {});
  builder.output('y', ['rows', 2]);
  return encodeOnnxModel(builder.build(), { name: 'rookery-nn', version: '1' });
}
