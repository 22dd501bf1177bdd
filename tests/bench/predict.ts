import { fork, spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import * as grpc from '@grpc/grpc-js';
import { openArtifacts } from '@rookery/artifacts';
import { connectBus } from '@rookery/bus';
import { startNatsServer } from '@rookery/bus/testing';
import { events } from '@rookery/contracts';
import { ModelPackage } from '@rookery/proto/rookery/artifacts/v1/artifacts';
import {
  InferenceServiceClient,
  PredictRequest,
  PredictResponse,
} from '@rookery/proto/rookery/inference/v1/inference';
import { build } from 'esbuild';

import { trainPenguinsPackage } from './penguins-package.js';
import type { LoadRequest, LoadResult } from './predict-load-client.js';

/** One line of a benchmark: the value, and the reference measured in the same run. */
export interface BenchResult {
  case: string;
  value: number;
  unit: string;
  reference: { name: string; value: number };
  /** value / reference */
  ratio: number;
  extra?: Record<string, number>;
}

/** How to run {@link benchPredict}. */
export interface BenchPredictOptions {
  /** Root of the repository. Default: the working directory. */
  root?: string;
  /** Calls at once. Default 1, 16, 64. */
  concurrencies?: number[];
  /** Length of one measurement. Default 2000 ms. */
  durationMs?: number;
  /** Measurements of each server at each concurrency; medians are reported. Default 5. */
  repetitions?: number;
  /** Told what is being done. */
  log?: (line: string) => void;
}

const referenceName = 'bare grpc-js echo';

interface Target {
  readonly name: string;
  readonly port: number;
  readonly pid: number;
}

interface Measurement extends LoadResult {
  /** CPU time of the server, µs a request; 0 where /proc is not there. */
  cpuUs: number;
}

/**
 * Requests a second, p50 and p99 of Predict with one row of the penguins, at each concurrency, beside a bare grpc-js
 * echo of the same messages. Both servers run side by side for the whole time, are loaded in turns by the same client
 * in a third process, and medians over the repetitions are compared. The service is its real bundle, with captures
 * going to a real broker. Throws where a call fails.
 */
export async function benchPredict(options: BenchPredictOptions = {}): Promise<BenchResult[]> {
  const root = options.root ?? process.cwd();
  const log = options.log ?? (() => undefined);
  const directory = await mkdtemp(join(tmpdir(), 'rookery-bench-predict-'));
  const children: ChildProcess[] = [];
  const nats = await startNatsServer();
  try {
    log('building');
    buildService(root);
    await bundleHelpers(root, directory);
    const { rows } = await promotePenguins(root, nats.url);
    const inference = await startInference(root, nats.url, children);
    const bodies = rows.map((row) =>
      Buffer.from(PredictRequest.encode({ model: '', rows: [row] }).finish()).toString('base64'),
    );
    const answerFile = join(directory, 'answer.bin');
    const answer = await predictOnce(
      inference.port,
      PredictRequest.decode(Buffer.from(bodies[0]!, 'base64')),
    );
    await writeFile(answerFile, PredictResponse.encode(answer).finish());
    const echo = await startEcho(directory, answerFile, children);
    const client = fork(join(directory, 'predict-load-client.mjs'), {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    children.push(client);

    const targets = [inference, echo];
    const measure = async (target: Target, concurrency: number, durationMs: number): Promise<Measurement> => {
      const before = cpuMicroseconds(target.pid);
      const result = await load(client, {
        port: target.port,
        path: '/rookery.inference.v1.InferenceService/Predict',
        concurrency,
        connections: Math.min(concurrency, 4),
        durationMs,
        bodies,
      });
      if (result.failures > 0)
        throw new Error(
          `${target.name}: ${result.failures} of ${result.requests} calls failed: ${result.firstFailure}`,
        );
      return { ...result, cpuUs: (cpuMicroseconds(target.pid) - before) / result.requests };
    };
    log('warming up');
    for (const target of targets) await measure(target, 16, 1_500);
    const results: BenchResult[] = [];
    for (const concurrency of options.concurrencies ?? [1, 16, 64]) {
      const measured = new Map<Target, Measurement[]>(targets.map((target) => [target, []]));
      for (let i = 0; i < (options.repetitions ?? 5); i += 1) {
        // The order alternates, so that neither always comes after the other.
        for (const target of i % 2 === 0 ? targets : [...targets].reverse()) {
          measured.get(target)!.push(await measure(target, concurrency, options.durationMs ?? 2_000));
        }
      }
      results.push(...compare(concurrency, measured.get(inference)!, measured.get(echo)!));
      log(
        `concurrency ${concurrency}: ${results
          .slice(-3)
          .map((one) => `${one.case} ${one.value} ${one.unit} (${one.ratio} of the echo's)`)
          .join(', ')}`,
      );
    }
    return results;
  } finally {
    for (const child of children) await end(child);
    await nats.stop();
    await rm(directory, { recursive: true, force: true });
  }
}

function compare(concurrency: number, service: Measurement[], reference: Measurement[]): BenchResult[] {
  const rate = (one: Measurement): number => (one.requests / one.elapsedMs) * 1000;
  const line = (
    what: string,
    unit: string,
    digits: number,
    of: (one: Measurement) => number,
  ): BenchResult => {
    const value = median(service.map(of));
    const against = median(reference.map(of));
    return {
      case: `predict c${concurrency} ${what}`,
      value: round(value, digits),
      unit,
      reference: { name: referenceName, value: round(against, digits) },
      ratio: round(value / against, 3),
    };
  };
  const cpu = median(service.map((one) => one.cpuUs));
  const cpuReference = median(reference.map((one) => one.cpuUs));
  const throughput = line('throughput', 'req/s', 0, rate);
  throughput.extra = { cpuUsPerRequest: round(cpu, 1), referenceCpuUsPerRequest: round(cpuReference, 1) };
  return [throughput, line('p50', 'ms', 3, (one) => one.p50Ms), line('p99', 'ms', 3, (one) => one.p99Ms)];
}

function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}

function buildService(root: string): void {
  const folder = join(root, 'services/inference');
  if (existsSync(join(folder, 'dist/main.js')) && process.env['ROOKERY_BENCH_BUILD'] !== 'always') return;
  const { status, stderr } = spawnSync(process.execPath, [join(root, 'deploy/build/bundle.mjs')], {
    cwd: folder,
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`The inference service can not be built: ${stderr}`);
}

async function bundleHelpers(root: string, directory: string): Promise<void> {
  await build({
    entryPoints: ['predict-echo-server', 'predict-load-client'].map((name) =>
      join(root, 'tests/bench', `${name}.ts`),
    ),
    outdir: directory,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    mainFields: ['module', 'main'],
    absWorkingDir: root,
    logLevel: 'warning',
    banner: {
      js: "import { createRequire as __r } from 'node:module'; import { fileURLToPath as __f } from 'node:url'; import { dirname as __d } from 'node:path'; const require = __r(import.meta.url); const __filename = __f(import.meta.url); const __dirname = __d(__filename);",
    },
  });
}

async function promotePenguins(
  root: string,
  natsUrl: string,
): Promise<Awaited<ReturnType<typeof trainPenguinsPackage>>> {
  const bus = await connectBus({ url: natsUrl, name: 'bench' });
  await bus.ensureTopology();
  const artifacts = await openArtifacts({ url: 'nats:', nc: bus.nc });
  const trained = await trainPenguinsPackage(root, 'penguins');
  const ref = await artifacts.put(ModelPackage.encode(trained.pack).finish(), 'application/x-protobuf');
  const data = {
    model: 'penguins',
    version: 1,
    alias: 'champion',
    previousVersion: 0,
    aliasRevision: 1,
    package: ref,
    reference: undefined,
    runId: 'run-bench',
    manual: false,
    actor: 'bench',
    reasons: [],
    requestedAtMs: Date.now(),
  };
  await bus.publish(events.modelPromoted, 'penguins', data, { id: 'bench-promotion' });
  await artifacts.close();
  await bus.close();
  return trained;
}

async function startInference(root: string, natsUrl: string, children: ChildProcess[]): Promise<Target> {
  const port = await freePort();
  const rookery = Object.entries(process.env).filter(
    ([name]) => !name.startsWith('ROOKERY_') && !name.startsWith('OTEL_'),
  );
  const child = spawn(process.execPath, [join(root, 'services/inference/dist/main.js')], {
    env: {
      ...Object.fromEntries(rookery),
      ROOKERY_NATS_URL: natsUrl,
      ROOKERY_INFERENCE_GRPC_PORT: String(port),
      ROOKERY_LOG_LEVEL: 'warn',
    },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  children.push(child);
  const deadline = Date.now() + 30_000;
  for (;;) {
    try {
      await predictOnce(port, undefined);
      return { name: 'inference', port, pid: child.pid ?? 0 };
    } catch (error) {
      if (child.exitCode !== null || Date.now() > deadline)
        throw new Error('The inference service did not become ready.', { cause: error });
      await sleep(50);
    }
  }
}

async function startEcho(directory: string, answerFile: string, children: ChildProcess[]): Promise<Target> {
  const child = fork(join(directory, 'predict-echo-server.mjs'), [answerFile], {
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  });
  children.push(child);
  const [line] = (await once(child.stdout!, 'data')) as [Buffer];
  return { name: referenceName, port: Number(String(line).trim()), pid: child.pid ?? 0 };
}

/** One prediction; without a request, a list of the served models that must hold one. */
async function predictOnce(port: number, request: PredictRequest | undefined): Promise<PredictResponse> {
  const client = new InferenceServiceClient(`127.0.0.1:${port}`, grpc.credentials.createInsecure());
  try {
    return await new Promise((resolve, reject) => {
      if (request !== undefined) {
        client.predict(request, (error, response) => (error ? reject(error) : resolve(response)));
        return;
      }
      client.listServedModels({}, (error, response) => {
        if (error) reject(error);
        else if (response.models.length === 0) reject(new Error('No model is served yet.'));
        else resolve({ model: '', version: 0, classes: [], predictions: [] });
      });
    });
  } finally {
    client.close();
  }
}

function load(client: ChildProcess, request: LoadRequest): Promise<LoadResult> {
  return new Promise((resolve, reject) => {
    client.once('message', (message: LoadResult | { error: string }) => {
      if ('error' in message) reject(new Error(message.error));
      else resolve(message);
    });
    client.send(request);
  });
}

/** CPU time of a process so far, in µs, from /proc (100 ticks a second on Linux); 0 elsewhere. */
function cpuMicroseconds(pid: number): number {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
    return (Number(fields[11]) + Number(fields[12])) * 10_000;
  } catch {
    return 0;
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), 5_000);
  await exited;
  clearTimeout(timer);
}
