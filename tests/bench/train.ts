import { cpus } from 'node:os';

import {
  resolveBackend,
  train,
  trainTogether,
  useBackend,
  useOnnxThreads,
  validateSpec,
  warmUp,
} from '@rookery/nn';
import type { BackendName, TrainEngine, TrainJob } from '@rookery/nn';
import { createRandom } from '@rookery/tabular';
import { tensor2d } from '@tensorflow/tfjs-core';
import { layers, sequential } from '@tensorflow/tfjs-layers';

import { bareLoopFit } from './bare-loop.js';
import { openKeras } from './keras-fits.js';
import type { FitTime, KerasFits } from './keras-fits.js';
import type { BenchResult } from './predict.js';
import { trainCases } from './train-cases.js';
import type { TrainCase } from './train-cases.js';

/** Something that fits a network. */
interface Contestant {
  readonly name: string;
  /** TensorFlow.js's own fit, of which the faster is the reference. */
  readonly reference: boolean;
  /** A part of its fit tells nothing about the whole. */
  readonly whole?: boolean;
  /** Fits that a call makes side by side: times are shares of it. Absent: 1. */
  readonly fits?: number;
  /** Whom `extra.timesOneByOne` compares it with. */
  readonly comparedWith?: string;
  fit(one: TrainCase, rows: number, epochs: number): Promise<FitTime>;
}

/** Time that a measured fit may take: slower ones are measured on fewer steps. */
const fitBudgetMs = 1_500;
/** Of one fit that is measured with several. */
const mostThreads = 4;
/** Time that each engine gets to be compiled by Node before it is measured. */
const warmUpMs = 400;

/** What is measured of a contestant in one case. */
interface Run {
  readonly contestant: Contestant;
  readonly steps: number;
  readonly rows: number;
  readonly epochs: number;
  /** Of a step. */
  readonly times: FitTime[];
}

/**
 * Milliseconds of a fit with each engine available, with TensorFlow.js's own Layers fit on each backend available, with Keras
 * on JAX where a Python has it, and with bare loops over typed arrays, for three sizes. The reference is the faster backend of the
 * Layers fit in the same run; of the cases `… against Keras …`, Keras. All take turns in every
 * repetition, in an order drawn anew; each fit follows one of the same that is not measured, so that no turn pays for the
 * garbage and the caches of the one before. Medians.
 *
 * Where a whole fit takes more than about 1.5 s, some steps of it are measured and the time of the fit is their multiple
 * (`extra.steps` of `extra.stepsOfFit`); `extra.stepUs` is the time of a step, `extra.cpuMs` the processor time of a fit,
 * `extra.fastestMs` the fastest fit, `extra.timesFaster` the reference's time over this one's.
 */
export async function benchTrain(options: {
  root: string;
  log: (line: string) => void;
}): Promise<BenchResult[]> {
  const { root, log } = options;
  const keras = await openKeras(root, log);
  try {
    const contestants = await available(log, keras);
    const results: BenchResult[] = [];
    for (const one of trainCases()) {
      const runs = await measure(one, contestants);
      const stepsOfFit = Math.ceil(one.rows / one.batch) * one.epochs;
      const [reference] = runs
        .filter((run) => run.contestant.reference)
        .sort((a, b) => stepMs(a) - stepMs(b));
      const ofCase = runs.map((run) =>
        withSingle(resultOf(one.name, run, reference!, stepsOfFit), run, runs),
      );
      const ours = runs.filter(({ contestant }) => / threads$|^default$/.test(contestant.name));
      for (const theirs of runs.filter(({ contestant }) => contestant.name.startsWith(kerasName)))
        for (const our of ours)
          ofCase.push(
            resultOf(
              one.name,
              our,
              theirs,
              stepsOfFit,
              `${our.contestant.name} against ${theirs.contestant.name}`,
            ),
          );
      for (const { case: name, value, extra, reference: other } of ofCase) {
        log(
          `${name}: ${value} ms a fit of ${stepsOfFit} steps (${extra!['cpuMs']} ms of processor time), ` +
            `${extra!['stepUs']} µs a step, ${extra!['timesFaster']} × ${other.name}` +
            (extra!['timesOneByOne'] === undefined ? '' : `, ${extra!['timesOneByOne']} × one by one`),
        );
      }
      results.push(...ofCase);
    }
    return results;
  } finally {
    keras?.close();
  }
}

/** Lets all contestants fit in turns, as many steps as each can do in its time. */
async function measure(one: TrainCase, contestants: readonly Contestant[]): Promise<Run[]> {
  const stepsOfEpoch = Math.ceil(one.rows / one.batch);
  const runs: Run[] = [];
  for (const contestant of contestants) {
    // The first compiles and loads. What a step takes is the difference of fits of one and of four.
    await contestant.fit(one, one.batch, 1);
    const single = await contestant.fit(one, one.batch, 1);
    const four = await contestant.fit(one, Math.min(one.rows, 4 * one.batch), 1);
    const step = Math.max((four.ms - single.ms) / 3, 0.001);
    const afford = Math.max(2, Math.floor(fitBudgetMs / step));
    // Whole epochs where there is time for one.
    const whole = Math.floor(afford / stepsOfEpoch) * stepsOfEpoch;
    const stepsOfFit = stepsOfEpoch * one.epochs;
    const steps = contestant.whole === true ? stepsOfFit : Math.min(stepsOfFit, whole > 0 ? whole : afford);
    const rows = Math.min(one.rows, steps * one.batch);
    const epochs = Math.max(1, steps / stepsOfEpoch);
    runs.push({ contestant, steps, rows, epochs, times: [] });
    for (let spent = 4 * step; spent < warmUpMs;) spent += (await contestant.fit(one, rows, epochs)).ms;
  }
  for (let repetition = 0; repetition < one.repetitions; repetition += 1) {
    for (const run of createRandom(repetition).shuffle([...runs])) {
      const { contestant, steps, rows, epochs, times } = run;
      await contestant.fit(one, rows, epochs);
      const { ms, cpuMs } = await contestant.fit(one, rows, epochs);
      const share = steps * (contestant.fits ?? 1);
      times.push({ ms: ms / share, cpuMs: cpuMs / share });
    }
  }
  return runs;
}

function stepMs(run: Run): number {
  return median(run.times.map(({ ms }) => ms));
}

function resultOf(
  network: string,
  run: Run,
  reference: Run,
  stepsOfFit: number,
  name = run.contestant.name,
): BenchResult {
  const [step, other] = [stepMs(run), stepMs(reference)];
  return {
    case: `${network}, ${name}`,
    value: round(step * stepsOfFit),
    unit: 'ms a fit',
    reference: { name: reference.contestant.name, value: round(other * stepsOfFit) },
    ratio: round(step / other),
    extra: {
      stepUs: round(step * 1_000),
      cpuMs: round(median(run.times.map(({ cpuMs }) => cpuMs)) * stepsOfFit),
      fastestMs: round(Math.min(...run.times.map(({ ms }) => ms)) * stepsOfFit),
      steps: run.steps,
      stepsOfFit,
      timesFaster: round(other / step),
    },
  };
}

/** With `extra.timesOneByOne` where the contestant makes several fits at once. */
function withSingle(result: BenchResult, run: Run, runs: readonly Run[]): BenchResult {
  const single = runs.find(({ contestant }) => contestant.name === run.contestant.comparedWith);
  if (single === undefined) return result;
  return { ...result, extra: { ...result.extra, timesOneByOne: round(stepMs(single) / stepMs(run)) } };
}

const kerasName = 'Keras on JAX';

/** Everything that can fit on this machine. */
async function available(log: (line: string) => void, keras: KerasFits | undefined): Promise<Contestant[]> {
  const backends: BackendName[] = ['cpu', 'wasm'];
  for (const native of ['node', 'gpu'] as const) {
    const there = await resolveBackend(native).then(
      () => true,
      () => false,
    );
    if (there) backends.push(native);
  }
  const list: Contestant[] = backends.map((backend) => ({
    name: `TensorFlow.js Layers, ${backend}`,
    reference: true,
    fit: (one, rows, epochs) => timed(() => layersFit(backend, one, rows, epochs)),
  }));
  for (const backend of backends) list.push(engine(`tfjs, ${backend}`, 'tfjs', backend));
  list.push(engine('compiled', 'compiled', 'cpu'));
  const onnx = await warmUp('cpu', 'onnx').then(
    () => true,
    (error: unknown) => {
      log(error instanceof Error ? error.message : String(error));
      return false;
    },
  );
  if (onnx) {
    list.push(engine('onnx', 'onnx', 'cpu'));
    const threads = Math.min(cpus().length, mostThreads);
    if (threads > 1) list.push(threaded(threads));
    list.push({
      name: 'onnx, 5 folds in one graph',
      reference: false,
      fits: 5,
      comparedWith: 'onnx',
      fit: (one, rows, epochs) => timed(() => fitTogether(one, rows, epochs, 5)),
    });
  }
  list.push(engine('default', 'auto', 'cpu'));
  list.push({
    name: 'bare loop',
    reference: false,
    fit: (one, rows, epochs) => timed(async () => void bareLoopFit(one, rows, epochs)),
  });
  if (keras) {
    log(`Keras ${keras.version} on JAX takes part`);
    for (const fresh of [false, true]) {
      list.push({
        name: fresh ? `${kerasName}, a new network` : `${kerasName}, fitted further`,
        reference: false,
        whole: fresh,
        fit: (one, rows, epochs) => keras.fit(one, rows, epochs, fresh),
      });
    }
  }
  return list;
}

/** A fit that has several cores to itself, as those of Keras have. */
function threaded(threads: number): Contestant {
  const onnx = engine(`onnx, ${threads} threads`, 'onnx', 'cpu');
  return {
    ...onnx,
    async fit(one, rows, epochs) {
      useOnnxThreads(threads);
      try {
        return await onnx.fit(one, rows, epochs);
      } finally {
        useOnnxThreads(1);
      }
    },
  };
}

function engine(name: string, asked: TrainEngine | 'auto', backend: BackendName): Contestant {
  return {
    name,
    reference: false,
    fit(one, rows, epochs) {
      return timed(async () => {
        await train({ ...jobOf(one, rows, epochs), backend, engine: asked });
      });
    },
  };
}

function jobOf(one: TrainCase, rows: number, epochs: number): TrainJob {
  const task = { task: 'classification', inputs: one.width, outputs: one.classes } as const;
  const hidden = one.hidden.map((units) => ({ units }));
  return {
    spec: validateSpec({ layers: [...hidden, {}], epochs, batchSize: one.batch }, task),
    features: one.features.subarray(0, rows * one.width),
    targets: one.targets.subarray(0, rows),
    rows,
    width: one.width,
  };
}

async function fitTogether(one: TrainCase, rows: number, epochs: number, fits: number): Promise<void> {
  const job = jobOf(one, rows, epochs);
  const folds = Array.from({ length: fits }, (_, seed) => ({ ...job, seed, engine: 'onnx' as const }));
  const failed = (await trainTogether(folds)).find(({ status }) => status === 'rejected');
  if (failed) throw (failed as PromiseRejectedResult).reason;
}

/** What a user of TensorFlow.js writes, at its best: no metric, no callbacks, no pause for a browser's screen. */
async function layersFit(backend: BackendName, one: TrainCase, rows: number, epochs: number): Promise<void> {
  await useBackend(backend);
  const model = sequential();
  for (const [i, units] of one.hidden.entries())
    model.add(layers.dense({ units, activation: 'relu', ...(i === 0 ? { inputShape: [one.width] } : {}) }));
  model.add(layers.dense({ units: one.classes, activation: 'softmax' }));
  model.compile({ optimizer: 'sgd', loss: 'sparseCategoricalCrossentropy' });
  const x = tensor2d(one.features.subarray(0, rows * one.width), [rows, one.width]);
  const y = tensor2d(Float32Array.from(one.targets.subarray(0, rows)), [rows, 1]);
  await model.fit(x, y, { epochs, batchSize: one.batch, verbose: 0, yieldEvery: 'never' });
  x.dispose();
  y.dispose();
  model.dispose();
}

async function timed(work: () => Promise<void>): Promise<FitTime> {
  const startedAt = performance.now();
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return { ms: performance.now() - startedAt, cpuMs: (user + system) / 1_000 };
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Three significant digits. */
function round(value: number): number {
  return Number(value.toPrecision(3));
}
