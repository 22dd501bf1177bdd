import { createRequire } from 'node:module';
import { dirname, join, sep } from 'node:path';
import { pathToFileURL } from 'node:url';
import { add, enableProdMode, engine, ready, setBackend, tensor1d, tidy } from '@tensorflow/tfjs-core';
import { NnError } from './nn-error.js';
import type { ModelSize } from './spec/model-spec.js';

/** What ROOKERY_TF_BACKEND may ask for. */
export const backendRequests = ['auto', 'gpu', 'node', 'wasm', 'cpu'] as const;
export type BackendRequest = (typeof backendRequests)[number];
export type BackendName = Exclude<BackendRequest, 'auto'>;

export interface ResolvedBackend {
  backend: BackendName;
  /** One sentence for the log and for the run. */
  reason: string;
  /** What was tried before and why it was passed over, one sentence each. */
  fallbacks: string[];
}

/**
 * Parameters × rows of a step at which wasm overtakes the cpu backend's loops, measured on two cores of a server
 * (README): below, the fixed cost of wasm's kernels is more than the whole step.
 */
const wasmCrossover = 150_000;

const nativePackages = { gpu: '@tensorflow/tfjs-node-gpu', node: '@tensorflow/tfjs-node' } as const;
type NativeName = keyof typeof nativePackages;

let current: BackendName | undefined;
const loaded = new Map<BackendName, Promise<string | undefined>>();

/** The backend chosen by `useBackend` in this thread, if any. */
export function backendInUse(): BackendName | undefined {
  return current;
}

/**
 * Which backend a request means on this machine. 'auto' takes gpu, then node, where their packages are installed
 * and work, then cpu or wasm, whichever is faster for the size (cpu where none is given).
 *
 * A backend asked for by name that is not there is RK_BACKEND_UNAVAILABLE, with the package to install.
 */
export async function resolveBackend(
  requested: BackendRequest,
  modelSize?: ModelSize,
): Promise<ResolvedBackend> {
  if (!backendRequests.includes(requested)) {
    throw new NnError('RK_BACKEND_UNAVAILABLE', `There is no backend '${String(requested)}'.`, {
      details: { requested: String(requested) },
      hint: `Use one of ${backendRequests.join(', ')}.`,
    });
  }
  if (requested !== 'auto') {
    await requireBackend(requested);
    return { backend: requested, reason: `'${requested}' was asked for.`, fallbacks: [] };
  }
  const fallbacks: string[] = [];
  for (const name of ['gpu', 'node'] as const) {
    const problem = await load(name);
    if (problem === undefined)
      return { backend: name, reason: `${nativePackages[name]} is installed.`, fallbacks };
    fallbacks.push(`${name}: ${problem}`);
  }
  const work = modelSize === undefined ? 0 : modelSize.parameters * modelSize.batchSize;
  const backend = work >= wasmCrossover ? 'wasm' : 'cpu';
  const problem = await load(backend);
  if (problem !== undefined) {
    fallbacks.push(`${backend}: ${problem}`);
    return { backend: 'cpu', reason: 'Nothing faster is available.', fallbacks };
  }
  const size =
    modelSize === undefined
      ? 'where the size of the model is not known'
      : `for ${modelSize.parameters} parameters in batches of ${modelSize.batchSize}`;
  return { backend, reason: `${backend} is the faster of wasm and cpu ${size}.`, fallbacks };
}

/**
 * Makes `name` the backend of this thread; a second call with the same name does nothing. Call it before work
 * starts, not between the steps of a fit. RK_BACKEND_UNAVAILABLE where it cannot be loaded.
 */
export async function useBackend(name: BackendName): Promise<void> {
  await requireBackend(name);
  await initialiseAsynchronous();
  if (current === name && engine().backendName === registeredName(name)) return;
  await setBackend(registeredName(name));
  await ready();
  current = name;
}

/**
 * Switches back to a backend that `useBackend` has made ready before, at once. Without it, tensors of the one
 * backend are copied to the other as soon as an operation touches them, and stay there.
 */
export function returnToBackend(name: BackendName): void {
  if (current === name && engine().backendName === registeredName(name)) return;
  // For a backend that is ready the change is made before the promise is returned.
  void setBackend(registeredName(name));
  current = name;
}

let initialised: Promise<void> | undefined;

/**
 * TensorFlow.js has no backend at all while an asynchronous one, wasm, starts for the first time: whoever computes then, on
 * any backend, fails. So it is started once, before the first work of the thread; later changes take effect at once.
 */
function initialiseAsynchronous(): Promise<void> {
  initialised ??= (async () => {
    if ((await load('wasm')) !== undefined) return;
    await setBackend('wasm');
    await ready();
  })();
  return initialised;
}

function registeredName(name: BackendName): string {
  return name === 'gpu' || name === 'node' ? 'tensorflow' : name;
}

async function requireBackend(name: BackendName): Promise<void> {
  const problem = await load(name);
  if (problem === undefined) return;
  const native = name === 'gpu' || name === 'node' ? nativePackages[name] : undefined;
  throw new NnError('RK_BACKEND_UNAVAILABLE', `The backend '${name}' is not available: ${problem}`, {
    details: { requested: name },
    hint:
      native === undefined
        ? "Install this package's dependencies again, or use the backend 'cpu'."
        : `Run npm install ${native} (it downloads a native library), or set the backend to auto, wasm or cpu.`,
  });
}

/** Loads a backend once; gives the reason where it cannot be used. */
function load(name: BackendName): Promise<string | undefined> {
  let outcome = loaded.get(name);
  if (outcome === undefined) {
    // Silences the advice to install tfjs-node, and checks that only matter while writing a kernel.
    enableProdMode();
    const loading = name === 'cpu' || name === 'wasm' ? loadPortable(name) : loadNative(name);
    outcome = loading.catch(
      (error: unknown) => `loading it failed: ${error instanceof Error ? error.message : String(error)}`,
    );
    loaded.set(name, outcome);
  }
  return outcome;
}

async function loadPortable(name: 'cpu' | 'wasm'): Promise<undefined> {
  if (name === 'cpu') {
    await import('@tensorflow/tfjs-backend-cpu');
    return;
  }
  const { setWasmPaths } = await import('@tensorflow/tfjs-backend-wasm');
  // Resolved from wherever this code runs, a bundle included: the .wasm files stay in the installed package.
  const main = createRequire(import.meta.url).resolve('@tensorflow/tfjs-backend-wasm/package.json');
  setWasmPaths(join(dirname(main), 'dist') + sep);
}

async function loadNative(name: NativeName): Promise<string | undefined> {
  const specifier = nativePackages[name];
  const before = engine().backendName;
  let path: string;
  try {
    path = createRequire(import.meta.url).resolve(specifier);
  } catch {
    return `${specifier} is not installed.`;
  }
  // By its path: bundlers and the compiler leave a package alone that may not be there.
  await import(pathToFileURL(path).href);
  await setBackend('tensorflow');
  try {
    // tfjs-node loads on Node versions where its operations then fail: only an operation shows.
    tidy(() => add(tensor1d([1, 2]), 1).dataSync());
    const usesGpu = (engine().backend as { isUsingGpuDevice?: boolean }).isUsingGpuDevice === true;
    if (name === 'gpu' && !usesGpu) return `${specifier} is installed, but it found no usable GPU.`;
    return undefined;
  } finally {
    if (before) await setBackend(before);
  }
}
