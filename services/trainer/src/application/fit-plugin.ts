import { TerminalError } from '@rookery/contracts';
import { pluginFormat, trainedPlugin } from '@rookery/plugin';
import type { EpochReport, ModelProblem, PluginSpec, Plugins } from '@rookery/plugin';
import { TrainedModel } from '@rookery/proto/rookery/artifacts/v1/artifacts';

import type { JobData } from '../domain/worker-messages.js';
import type { EpochProgress, TrainedByThread, TrainingPool } from './train-fold.js';

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
      onEpoch({ epoch: report.epoch, loss: report.loss, metric: report.metric ?? 0, metricName });
    },
  });
  const { name, version, sha256 } = spec.plugin;
  return {
    model: TrainedModel.encode(trainedPlugin(spec, state, { inputs: width, outputs })).finish(),
    history: {
      loss: told.map(({ loss }) => loss),
      metric: told.flatMap(({ metric }) => (metric === undefined ? [] : [metric])),
    },
    metricName,
    epochsRun: told.at(-1)?.epoch ?? 1,
    stopped: false,
    backend: pluginFormat,
    engine: name,
    engineVersion: `${version} ${sha256}`,
    durationMs: performance.now() - startedAt,
    thread: 0,
  };
}

/** Longest history that an event bears. */
const mostEpochs = 10_000;
