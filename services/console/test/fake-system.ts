import { TerminalError } from '@rookery/contracts';
import { ColumnType } from '@rookery/proto/rookery/domain/v1/data';
import { MonitorReported } from '@rookery/proto/rookery/events/v1/monitoring';
import { ListServedModelsResponse } from '@rookery/proto/rookery/inference/v1/inference';
import { Dataset } from '@rookery/proto/rookery/ingest/v1/ingest';
import { MonitoredModel, StoredPrediction } from '@rookery/proto/rookery/monitor/v1/monitor';
import { AllowedPlugin, PluginKind, PluginState } from '@rookery/proto/rookery/transform/v1/transform';
import { AliasChange, Model, ModelVersion, RunState } from '@rookery/proto/rookery/registry/v1/registry';
import type { Run } from '@rookery/proto/rookery/registry/v1/registry';

import type { SystemData } from '../src/application/ports.js';
import {
  confusion,
  environment,
  features,
  hostile,
  input,
  metrics,
  modelSpec,
  plugins,
  runIds,
  runs,
  search,
  sha,
  signature,
  start,
} from './fake-runs.js';

const version = (number: number, aliases: string[]): ModelVersion =>
  ModelVersion.fromPartial({
    model: 'penguins',
    version: number,
    runId: runIds.promoted,
    signature,
    metrics,
    confusion,
    inputExample: input,
    aliases,
    package: { sha256: sha('1'), bytes: 9_812, mediaType: 'x' },
    createdAtMs: start - (3 - number) * 86_400_000,
    lineage: {
      runId: runIds.promoted,
      requestEventId: 'dataset-ready-1',
      datasetId: 'ds-1',
      datasetName: 'penguins',
      datasetVersion: number,
      datasetSha256: sha('a'),
      sourceUri: 'file:///data/penguins.csv',
      folds: 5,
      stratified: true,
      seed: 42,
      modelSpec,
      environment,
      traceId: 'd'.repeat(32),
      plugins,
      request: { name: 'penguins' },
    },
    folds: [{ fold: 0, metrics: { accuracy: 0.97 }, rows: 69 }],
    refusals:
      number === 2
        ? [
            {
              model: 'penguins',
              version: 2,
              stage: 3,
              code: 'RK_MODEL_WARMUP',
              reasons: ['golden row 3 differs by 0.2'],
              replica: 'host-b/77',
            },
          ]
        : [],
  });
const model = Model.fromPartial({
  name: 'penguins',
  aliases: [
    { alias: 'champion', version: 3, revision: 3 },
    { alias: 'candidate', version: 2, revision: 1 },
  ],
  latestVersion: 3,
  versions: 3,
  createdAtMs: start - 3 * 86_400_000,
  updatedAtMs: start,
});
const datasets = [
  Dataset.fromPartial({
    datasetId: 'ds-1',
    name: 'penguins',
    version: 2,
    state: 'ingested',
    artifact: { sha256: sha('a'), bytes: 21_504, mediaType: 'x' },
    rows: 344,
    columns: features.map(({ name, type }) => ({ name, type, missing: name === 'sex' ? 11 : 0 })),
    uri: 'file:///data/penguins.csv',
    sourceSha256: sha('9'),
    createdAtMs: start,
    requestEventId: 'dataset-ready-1',
    runId: runIds.promoted,
  }),
  Dataset.fromPartial({
    datasetId: 'ds-2',
    name: hostile,
    state: 'rejected',
    uri: `file:///data/${hostile}.csv`,
    createdAtMs: start - 5_000,
    requestEventId: 'dataset-ready-2',
    runId: 'run-00000000000000e5',
    code: 'RK_DATASET_TARGET_MISSING',
    message: `There is no column "${hostile}"; the columns are a, b, c`,
  }),
];
const profile = {
  rows: 344,
  columns: [
    {
      name: 'island',
      type: 'categorical',
      rows: 344,
      count: 344,
      missing: 0,
      missingShare: 0,
      distinct: 3,
      constant: false,
      allMissing: false,
      top: [
        { category: 'Biscoe', count: 168, share: 0.488 },
        { category: 'Dream', count: 124, share: 0.36 },
        { category: hostile, count: 52, share: 0.151 },
      ],
    },
    {
      name: 'body_mass_g',
      type: 'numeric',
      rows: 344,
      count: 342,
      missing: 2,
      missingShare: 0.0058,
      distinct: 94,
      constant: false,
      allMissing: false,
      min: 2700,
      max: 6300,
      mean: 4201.75,
      populationStd: 800.8,
      sampleStd: 801.95,
      quantiles: null,
      histogram: {
        edges: [2700, 3060, 3420, 3780, 4140, 4500, 4860, 5220, 5580, 5940, 6300],
        counts: [10, 45, 70, 60, 40, 35, 32, 22, 20, 8],
      },
      infinite: 0,
    },
    {
      name: hostile,
      type: 'text',
      rows: 344,
      count: 344,
      missing: 0,
      missingShare: 0,
      distinct: 344,
      constant: false,
      allMissing: false,
      top: [],
    },
  ],
};
const report = (id: string, drifted: boolean): MonitorReported =>
  MonitorReported.fromPartial({
    reportId: id,
    model: 'penguins',
    version: 3,
    trigger: drifted ? 'count' : 'on_demand',
    windowStartMs: start,
    windowEndMs: start + 600_000,
    predictions: 200,
    labelled: 50,
    columns: features.map(({ name, type }, index) => ({
      name,
      role: 'feature',
      type,
      status: index === 5 ? 'insufficient' : 'ok',
      message: index === 5 ? 'fewer than 10 values' : '',
      method: type === ColumnType.COLUMN_TYPE_NUMERIC ? 'ks' : 'chi2',
      score: drifted ? 0.0004 : 0.41,
      threshold: 0.05,
      drifted: drifted && index < 4,
      referenceRows: 344,
      currentRows: 200,
      missingShare: index === 3 ? 0.12 : 0,
      referenceMissingShare: 0.006,
      outOfRangeShare: index === 1 ? 0.08 : 0,
      newCategories: index === 0 ? { [hostile]: 7 } : {},
    })),
    datasetDrift: {
      drifted,
      driftedColumns: drifted ? 4 : 0,
      testedColumns: 6,
      share: drifted ? 0.67 : 0,
      threshold: 0.5,
    },
    quality: { accuracy: 0.92 },
    baseline: { accuracy: 0.9767 },
    dropped: 3,
    alerts: drifted ? ['4 of 6 columns drifted', `island has a new category ${hostile}`] : [],
  });

/** A whole system in memory, with one of everything and a hostile string wherever one can come from outside. */
export function fakeSystem(): SystemData & { reportsAsked: unknown[]; turnsAsked: unknown[] } {
  const reportsAsked: unknown[] = [];
  const turnsAsked: unknown[] = [];
  const turned = (runId: string, state: RunState): Run => {
    const found = runs.find((run) => run.runId === runId);
    if (!found) throw new TerminalError('RK_RUN_NOT_FOUND', `there is no run "${runId}"`);
    return { ...found, state };
  };
  return {
    reportsAsked,
    turnsAsked,
    runControl: {
      resume: async (turn) => {
        turnsAsked.push({ resume: turn });
        if (turn.runId !== runIds.failed)
          throw new TerminalError('RK_RUN_ENDED', `run ${turn.runId} is complete`);
        return { ...turned(turn.runId, RunState.RUN_STATE_TRAINING), attempt: 2 };
      },
      cancel: async (turn) => {
        turnsAsked.push({ cancel: turn });
        return turned(turn.runId, RunState.RUN_STATE_CANCELLED);
      },
    },
    runs: async ({ model: name = '', limit = 100, offset = 0 } = {}) =>
      runs.filter((run) => name === '' || run.model === name).slice(offset, offset + limit),
    run: async (runId) => {
      const found = runs.find((run) => run.runId === runId);
      if (!found) throw new TerminalError('RK_RUN_NOT_FOUND', `there is no run "${runId}"`);
      return found;
    },
    search: async (runId) => {
      if (runId !== search.search?.searchId)
        throw new TerminalError('RK_RUN_NOT_FOUND', `run "${runId}" has no search`);
      return search;
    },
    models: async () => [model],
    model: async (name) => {
      if (name !== 'penguins') throw new TerminalError('RK_MODEL_NOT_FOUND', `there is no model "${name}"`);
      return { model, versions: [version(3, ['champion']), version(2, ['candidate']), version(1, [])] };
    },
    aliasHistory: async () => [
      AliasChange.fromPartial({
        revision: 1,
        version: 1,
        actor: 'gate',
        reasons: ['First version that passed the gate'],
        timeMs: start - 86_400_000,
        runId: runIds.promoted,
      }),
      AliasChange.fromPartial({
        revision: 2,
        version: 3,
        previousVersion: 1,
        actor: hostile,
        reasons: [`Better ${hostile}`],
        timeMs: start,
        runId: runIds.promoted,
      }),
    ],
    datasets: async () => datasets,
    dataset: async (name) => {
      const dataset = datasets.find((item) => item.name === name && item.state === 'ingested');
      if (!dataset)
        throw new TerminalError('RK_DATASET_NOT_FOUND', `There is no data set with the name ${name}`);
      return { dataset, profileJson: JSON.stringify(profile) };
    },
    monitored: async () => [
      MonitoredModel.fromPartial({
        model: 'penguins',
        version: 3,
        captured: 1204,
        labelled: 50,
        dropped: 3,
        lostBatches: 0,
        waitingLabels: 2,
        lastReportId: 'report-2',
      }),
    ],
    reports: async () => [report('report-2', true), report('report-1', false)],
    report: async (request) => {
      reportsAsked.push(request);
      return report('report-3', false);
    },
    predictions: async () => [
      ...['Adelie', 'Gentoo'].map((label, index) =>
        StoredPrediction.fromPartial({
          predictionId: `01hzy-${index}`,
          model: 'penguins',
          version: 3,
          timeMs: start + index,
          row: input,
          label,
          outputs: [0.95, 0.03, 0.02],
          ...(index === 0 ? { truth: 'Adelie' } : {}),
        }),
      ),
      StoredPrediction.fromPartial({
        predictionId: '01hzy-sets',
        row: input,
        label: 'health|sports',
        labels: ['health', 'sports'],
        outputs: [0.8, 0.7, 0.3],
        truth: '[]',
      }),
    ],
    plugins: async () => [
      AllowedPlugin.fromPartial({
        plugin: { name: 'rookery-plugin-tfidf', version: '1.0.0', sha256: sha('7') },
        state: PluginState.PLUGIN_STATE_LOADS,
        kind: PluginKind.PLUGIN_KIND_TRANSFORM,
        forNewRuns: true,
      }),
      ...['1.1.0', '1.0.0'].map((number, index) =>
        AllowedPlugin.fromPartial({
          plugin: { name: 'rookery-plugin-knn', version: number, sha256: sha('8') },
          state: PluginState.PLUGIN_STATE_LOADS,
          kind: PluginKind.PLUGIN_KIND_MODEL,
          tasks: ['classification', 'regression'],
          forNewRuns: index === 0,
        }),
      ),
      AllowedPlugin.fromPartial({
        plugin: { name: 'slow', version: '0.1.0', sha256: sha('9') },
        state: PluginState.PLUGIN_STATE_CHECKING,
        forNewRuns: true,
      }),
      AllowedPlugin.fromPartial({
        plugin: { name: `./${hostile}` },
        state: PluginState.PLUGIN_STATE_FAILS,
        code: 'RK_PLUGIN_INVALID',
        message: `The plug-in ./${hostile} can't be used: there is no folder.`,
      }),
    ],
    served: async () =>
      ListServedModelsResponse.fromPartial({
        models: [
          {
            model: 'penguins',
            version: 3,
            aliasRevision: 3,
            signature,
            inputExample: input,
            engine: 'compiled',
            backend: 'cpu',
            loadedAtMs: start + 3_000,
            predictions: 1204,
            tensors: 0,
          },
        ],
        replica: 'host-a/4712',
        capture: { captured: 1204, dropped: 3, published: 1201, buffered: 0 },
      }),
  };
}
