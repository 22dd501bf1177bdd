import { TerminalError } from '@rookery/contracts';
import { madeColumns, pluginFormat, trainedPlugin } from '@rookery/plugin';
import type { EpochReport, ModelProblem, PluginSpec, Plugins } from '@rookery/plugin';
import { FoldBundle, TrainedModel } from '@rookery/proto/rookery/artifacts/v1/artifacts';
import { pluginStepsOf } from '@rookery/tabular';
import type { FittedTransformer, RawColumn } from '@rookery/tabular';

import type { JobData } from '../domain/worker-messages.js';
import type { EpochProgress, TrainedByThread, TrainingPool } from './train-fold.js';

/** Longest history that an event bears. */
const mostEpochs = 10_000;

/** The beginning of a transformer's plug-ins in a bundle: without it there is nothing to be read of it here. */
const pluginsMark = Buffer.from('"plugins":[');

/** The job with what the plug-ins of its preprocessing make of its training rows; itself where it has none. Throws RK_PLUGIN_… */
export async function withPlugins(
  ports: { readonly pool: Pick<TrainingPool, 'columns'>; readonly plugins: Pick<Plugins, 'openStep'> },
  data: JobData,
  part: string,
  signal: AbortSignal,
): Promise<JobData> {
  if (!Buffer.from(data.bundle.buffer, data.bundle.byteOffset, data.bundle.byteLength).includes(pluginsMark))
    return data;
  const steps = pluginStepsOf(
    JSON.parse(FoldBundle.decode(data.bundle).transformerJson) as FittedTransformer,
  );
  if (steps.length === 0) return data;
  const { columns, rows } = await ports.pool.columns(data, signal);
  const columnsOf = (names: readonly string[]): RawColumn[] =>
    names.flatMap((name) => columns.find((column) => column.name === name) ?? []);
  const made = await madeColumns(ports.plugins, steps, columnsOf, rows, `features of ${part}`, signal);
  return { ...data, made };
}

/** A job whose model is a plug-in. */
export interface PluginJob {
  readonly spec: PluginSpec;
  readonly seed: number;
  readonly fold: number;
  readonly final: boolean;
  readonly onEpoch: (progress: EpochProgress) => void;
  readonly signal: AbortSignal;
}

/**
 * Fits a plug-in: the rows are made in a training thread, the fit is done in a process of the plug-in's own. Progress and history are what
 * the plug-in tells of. Throws what the plug-in's process does, naming plug-in, version and fold: RK_PLUGIN_…, terminal.
 */
export async function fitPlugin(
  ports: { readonly pool: Pick<TrainingPool, 'rows'>; readonly plugins: Pick<Plugins, 'fit'> },
  data: JobData,
  { spec, seed, fold, final, onEpoch, signal }: PluginJob,
): Promise<TrainedByThread> {
  const { features, rows, width, targets, weights, featureNames, classes } = await ports.pool.rows(
    data,
    signal,
  );
  const startedAt = performance.now();
  const regression = spec.task === 'regression';
  if (regression !== (classes.length === 0)) {
    throw new TerminalError(
      'RK_SPEC_INVALID',
      `The model's task is ${spec.task}, its data has ${classes.length} classes.`,
      {
        details: { field: 'task' },
      },
    );
  }
  const outputs = regression ? 1 : classes.length;
  const problem: ModelProblem = { task: spec.task, classes, outputs, features: featureNames };
  const metricName = regression ? 'rmse' : 'accuracy';
  const told: EpochReport[] = [];
  const state = await ports.plugins.fit({
    spec,
    rows: { features, rows, width, targets, ...(weights === undefined ? {} : { weights }) },
    problem,
    seed,
    signal,
    what: final ? 'final model' : `fold ${fold}`,
    onEpoch(report) {
      if (told.length < mostEpochs) told.push(report);
      const { epoch, loss, metric } = report;
      // A metric that is not known has no name: nobody shall show it as 0.
      onEpoch({ epoch, loss, metric: metric ?? 0, metricName: metric === undefined ? '' : metricName });
    },
  });
  const { name, version, sha256 } = spec.plugin;
  const metrics = told.flatMap(({ metric }) => (metric === undefined ? [] : [metric]));
  return {
    model: TrainedModel.encode(trainedPlugin(spec, state, { inputs: width, outputs })).finish(),
    history: {
      loss: told.map(({ loss }) => loss),
      // A curve has a value for each epoch, or is none.
      metric: metrics.length === told.length ? metrics : [],
    },
    metricName,
    epochsRun: Math.max(1, told.length),
    bestEpoch: 0,
    stoppedEarly: false,
    stopped: false,
    backend: pluginFormat,
    engine: name,
    engineVersion: `${version} ${sha256}`,
    durationMs: performance.now() - startedAt,
    thread: 0,
  };
}
