import { NnError } from '../nn-error.js';
import { onnxProvidersInUse, providersProblem } from './onnx-providers.js';
import type * as onnxruntime from 'onnxruntime-node';

type Runtime = typeof onnxruntime;

let loading: Promise<Runtime | string> | undefined;
let loadedVersion: string | undefined;

/** onnxruntime-node, loaded once; or the reason why it cannot be. It has no binary for every platform. */
async function load(): Promise<Runtime | string> {
  loading ??= import('onnxruntime-node').then(
    (runtime) => {
      loadedVersion = runtime.env.versions.node ?? 'unknown';
      return runtime;
    },
    (error: unknown) => `onnxruntime-node: ${error instanceof Error ? error.message : String(error)}`,
  );
  return loading;
}

/** Why onnxruntime, or a provider that was chosen, cannot be used on this machine, or undefined where it can: it is loaded then. */
export async function onnxProblem(): Promise<string | undefined> {
  const runtime = await load();
  return typeof runtime === 'string' ? runtime : providersProblem(runtime);
}

/** Version of the onnxruntime that this thread has loaded; undefined before. */
export function onnxruntimeVersion(): string | undefined {
  return loadedVersion;
}

/** A graph that is ready to run, and the constructor of its tensors. */
export interface OnnxSession<G extends CompiledGraph = CompiledGraph> {
  graph: G;
  session: onnxruntime.InferenceSession;
  Tensor: typeof onnxruntime.Tensor;
}

/** A graph's bytes and what its user wants to know of it. */
export interface CompiledGraph {
  model: Uint8Array;
}

interface CachedSession extends OnnxSession {
  key: string;
  users: number;
}

/** Sessions without a user that a thread keeps, a fit having one or two: folds of one run share a graph, and making a session costs a third of a small fit. */
const idleKept = 4;
const sessions: CachedSession[] = [];

/**
 * The session of the graph that `key` names, which `compile` makes where there is none. One order of operators, and one thread
 * unless more are asked for: other numbers change bits, and folds side by side use the cores better. Give it back with `returnSession`.
 *
 * RK_BACKEND_UNAVAILABLE where onnxruntime cannot be loaded or refuses the graph.
 */
export async function takeSession<G extends CompiledGraph>(
  graphKey: string,
  compile: () => G,
  threads = 1,
): Promise<OnnxSession<G>> {
  const key = `${threads} ${graphKey}`;
  const known = sessions.find((one) => one.key === key);
  if (known !== undefined) {
    known.users += 1;
    // The key names what compiled it.
    return known as unknown as OnnxSession<G>;
  }
  const runtime = await requireRuntime();
  const graph = compile();
  const session = await createSession(runtime, graph.model, onnxProvidersInUse(), threads);
  const made = { key, users: 1, graph, session, Tensor: runtime.Tensor };
  sessions.unshift(made);
  return made;
}

/** A session of one user, on the processor, which the user releases; errors as of `takeSession`. */
export async function openSession(model: Uint8Array): Promise<Omit<OnnxSession, 'graph'>> {
  const runtime = await load();
  if (typeof runtime === 'string') throw unavailable(runtime);
  return { session: await createSession(runtime, model, ['cpu'], 1), Tensor: runtime.Tensor };
}

async function requireRuntime(): Promise<Runtime> {
  const runtime = await load();
  if (typeof runtime === 'string') throw unavailable(runtime);
  const problem = await providersProblem(runtime);
  if (problem !== undefined) throw unavailable(problem);
  return runtime;
}

function createSession(
  runtime: Runtime,
  model: Uint8Array,
  executionProviders: readonly string[],
  threads: number,
): Promise<onnxruntime.InferenceSession> {
  return runtime.InferenceSession.create(model, {
    executionProviders,
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    graphOptimizationLevel: 'all',
    // Warnings go to the process's stderr, past the logger: errors only.
    logSeverityLevel: 3,
  }).catch((cause: unknown) => {
    throw unavailable(cause instanceof Error ? cause.message : String(cause), cause);
  });
}

/** Gives a session back; the longest unused ones beyond four are freed. */
export async function returnSession(returned: OnnxSession): Promise<void> {
  const at = sessions.findIndex((one) => one === returned);
  const cached = sessions[at];
  if (cached === undefined) return;
  cached.users -= 1;
  sessions.splice(at, 1);
  sessions.unshift(cached);
  await freeIdle(idleKept);
}

/** Frees the sessions that no fit is using, some 30 MB of onnxruntime's own apart. They are made again when they are needed. */
export async function releaseOnnxSessions(): Promise<void> {
  await freeIdle(0);
}

async function freeIdle(kept: number): Promise<void> {
  const idle = sessions.filter((one) => one.users === 0).slice(kept);
  for (const one of idle) sessions.splice(sessions.indexOf(one), 1);
  await Promise.all(idle.map((one) => one.session.release()));
}

function unavailable(problem: string, cause?: unknown): NnError {
  return new NnError('RK_BACKEND_UNAVAILABLE', `The engine onnx is not available: ${problem}`, {
    details: { engine: 'onnx' },
    hint: "Install onnxruntime-node on a platform that it supports, or leave the engine at 'auto'.",
    cause,
  });
}
