import { resolveBackend, train, trainTogether, useBackend, validateSpec, warmUp } from '@rookery/nn';
import type { BackendName, TrainEngine, TrainJob } from '@rookery/nn';
import { tensor2d } from '@tensorflow/tfjs-core';
import { layers, sequential } from '@tensorflow/tfjs-layers';

import { bareLoopFit } from './bare-loop.js';
import type { BenchResult } from './predict.js';
import { trainCases } from './train-cases.js';
import type { TrainCase } from './train-cases.js';

/** Something that fits a network. */
interface Contestant {
  readonly name: string;
  /** TensorFlow.js's own fit, of which the faster is the reference. */
  readonly reference: boolean;
  /** Fits that a call makes side by side: times are shares of it. Absent: 1. */
  readonly fits?: number;
  /** Whom `extra.timesOneByOne` compares it with. */
  readonly comparedWith?: string;
  fit(one: TrainCase, rows: number, epochs: number): Promise<void>;
}

/** Time that a measured fit may take: slower ones are measured on fewer steps. */
const fitBudgetMs = 1_500;
/** Time that each engine gets to be compiled by Node before it is measured. */
const warmUpMs = 400;

/**
 * Milliseconds of a fit with each engine available, with TensorFlow.js's own Layers fit on each backend available, and with
 * bare loops over typed arrays, for three sizes. The reference is the faster backend of the Layers fit in the same run. All
 * take turns in every repetition; medians. Where a whole fit takes more than about 1.5 s, some steps of it are measured and
 * the time of the fit is their multiple (`extra.steps` of `extra.stepsOfFit`); `extra.stepUs` is the time of a step, `extra.timesFaster`
 * the reference's time over this one's.
 */
export async function benchTrain(options: { log: (line: string) => void }): Promise<BenchResult[]> {
  const results: BenchResult[] = [];
  const contestants = await available(options.log);
  for (const one of trainCases()) {
    const stepsOfEpoch = Math.ceil(one.rows / one.batch);
    const stepsOfFit = stepsOfEpoch * one.epochs;
    const plans = new Map<Contestant, { steps: number; rows: number; epochs: number }>();
    const times = new Map<Contestant, number[]>();
    for (const contestant of contestants) {
      // The first compiles and loads. What a step takes is the difference of fits of one and of four.
      await contestant.fit(one, one.batch, 1);
      const single = await timed(() => contestant.fit(one, one.batch, 1));
      const four = await timed(() => contestant.fit(one, Math.min(one.rows, 4 * one.batch), 1));
      const step = Math.max((four - single) / 3, 0.001);
      const afford = Math.max(2, Math.floor(fitBudgetMs / step));
      // Whole epochs where there is time for one.
      const whole = Math.floor(afford / stepsOfEpoch) * stepsOfEpoch;
      const count = Math.min(stepsOfFit, whole > 0 ? whole : afford);
      const rows = Math.min(one.rows, count * one.batch);
      plans.set(contestant, { steps: count, rows, epochs: Math.max(1, count / stepsOfEpoch) });
      times.set(contestant, []);
      for (let spent = 4 * step; spent < warmUpMs;)
        spent += await timed(() => contestant.fit(one, rows, Math.max(1, count / stepsOfEpoch)));
    }
    for (let repetition = 0; repetition < one.repetitions; repetition += 1) {
      for (const contestant of contestants) {
        const { steps, rows, epochs } = plans.get(contestant)!;
        const time = await timed(() => contestant.fit(one, rows, epochs));
        times.get(contestant)?.push(time / steps / (contestant.fits ?? 1));
      }
    }
    const stepOf = (contestant: Contestant): number => median(times.get(contestant)!);
    const reference = contestants.filter((c) => c.reference).sort((a, b) => stepOf(a) - stepOf(b))[0]!;
    for (const contestant of contestants) {
      const step = stepOf(contestant);
      const single = contestants.find(({ name }) => name === contestant.comparedWith);
      const timesFaster = round(stepOf(reference) / step);
      results.push({
        case: `${one.name}, ${contestant.name}`,
        value: round(step * stepsOfFit),
        unit: 'ms a fit',
        reference: { name: reference.name, value: round(stepOf(reference) * stepsOfFit) },
        ratio: round(step / stepOf(reference)),
        extra: {
          stepUs: round(step * 1_000),
          steps: plans.get(contestant)!.steps,
          stepsOfFit,
          timesFaster,
          ...(single && { timesOneByOne: round(stepOf(single) / step) }),
        },
      });
      options.log(
        `${one.name}, ${contestant.name}: ${round(step * stepsOfFit)} ms a fit of ${stepsOfFit} steps, ` +
          `${round(step * 1_000)} µs a step, ${timesFaster} × ${reference.name}` +
          (single ? `, ${round(stepOf(single) / step)} × one by one` : ''),
      );
    }
  }
  return results;
}

/** Everything that can fit on this machine. */
async function available(log: (line: string) => void): Promise<Contestant[]> {
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
    fit: (one, rows, epochs) => layersFit(backend, one, rows, epochs),
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
    list.push({
      name: 'onnx, 5 folds in one graph',
      reference: false,
      fits: 5,
      comparedWith: 'onnx',
      async fit(one, rows, epochs) {
        const job = jobOf(one, rows, epochs);
        const folds = Array.from({ length: 5 }, (_, seed) => ({ ...job, seed, engine: 'onnx' as const }));
        const failed = (await trainTogether(folds)).find(({ status }) => status === 'rejected');
        if (failed) throw (failed as PromiseRejectedResult).reason;
      },
    });
  }
  list.push(engine('default', 'auto', 'cpu'));
  list.push({
    name: 'bare loop',
    reference: false,
    async fit(one, rows, epochs) {
      bareLoopFit(one, rows, epochs);
    },
  });
  return list;
}

function engine(name: string, asked: TrainEngine | 'auto', backend: BackendName): Contestant {
  return {
    name,
    reference: false,
    async fit(one, rows, epochs) {
      await train({ ...jobOf(one, rows, epochs), backend, engine: asked });
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

async function timed(work: () => Promise<void>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return performance.now() - startedAt;
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
