import { setImmediate } from 'node:timers/promises';

import {
  TerminalError,
  artifactTypes,
  attemptParts,
  derivedEventId,
  encodeRowNumbers,
  encodeRowWeights,
  events,
  jobKeyOf,
  runIdOf,
  targetName,
  taskToProto,
} from '@rookery/contracts';
import type { ArtifactStore } from '@rookery/artifacts';
import type { Bus, BusEvent, EventMeta, Outbox, OutboxEntry } from '@rookery/bus';
import type { ModelSpec } from '@rookery/nn/spec';
import { isPluginSpec } from '@rookery/plugin';
import type { PluginSpec, Plugins } from '@rookery/plugin';
import { FoldBundle } from '@rookery/proto/rookery/artifacts/v1/artifacts';
import type { ArtifactRef, Signature } from '@rookery/proto/rookery/domain/v1/data';
import type { DatasetIngested, DatasetReady } from '@rookery/proto/rookery/events/v1/dataset';
import type { FoldJob, RunStarted } from '@rookery/proto/rookery/events/v1/run';
import type { Collection } from '@rookery/store';
import { featureRanges, tableFromArrow } from '@rookery/tabular';

import type { PlanDocument } from '../adapters/plan-collection.js';
import { jobsOfRun } from '../domain/jobs-of-run.js';
import { foldPlan } from '../domain/plan-folds.js';
import { pluginsOfRun } from '../domain/plugins-of-run.js';
import type { PlannedJob } from '../domain/plan-folds.js';
import {
  givenPluginSpec,
  pluginProblemOf,
  settleRequest,
  settleSpec,
  signatureOf,
} from '../domain/plan-request.js';
import { runSeed } from '../domain/run-seed.js';
import { pluginFeatures } from './plugin-features.js';

/** Tables up to this length are planned in one go. */
const rowsWithoutPause = 10_000;

/** What starting a run needs. */
export interface StartRunPorts {
  readonly plans: Collection<PlanDocument>;
  readonly artifacts: ArtifactStore;
  readonly outbox: Outbox;
  readonly bus: Pick<Bus, 'lastOf'>;
  readonly mode: 'development' | 'production';
  readonly codeVersion: string;
  readonly plugins: Pick<Plugins, 'settle' | 'settleStep' | 'fitStep' | 'openStep'>;
  /** What a request with a `search` starts in place of a run. */
  readonly search: (
    runId: string,
    event: BusEvent<DatasetIngested>,
    source: RunSource,
    runAttempt: number,
  ) => Promise<void>;
}

/**
 * Handler of ml.dataset.ingested: plans the run (folds, transformers, seeds), stores the fold bundles, then saves the
 * plan together with the events that announce it: ml.run.started and K + 1 jobs. The run's id comes from the request's
 * event id and everything in the plan from that and the data, so a redelivery saves and announces nothing new. A run that was
 * cancelled before it had a plan gets none. Throws RK_MESSAGE_MISSING_FIELD, what {@link settleRequest}, {@link settleSpec},
 * {@link foldPlan} and a plug-in that is named throw, and what the artifact
 * store throws where the data set is gone.
 */
export function startRun(ports: StartRunPorts): (event: BusEvent<DatasetIngested>) => Promise<void> {
  return (event) => startAttempt(ports, event, 1);
}

/** As {@link startRun}, for the attempt of a run that is to be planned: a later one where no earlier one came so far. */
export async function startAttempt(
  ports: StartRunPorts,
  event: BusEvent<DatasetIngested>,
  runAttempt: number,
): Promise<void> {
  const { plans, outbox, bus } = ports;
  const source = sourceOf(event.data);
  const runId = runIdOf(event.data.requestEventId);
  if (source.request.search !== undefined) return ports.search(runId, event, source, runAttempt);
  if ((await plans.findOne({ _id: runId })) === null) {
    if (await bus.lastOf(events.runCancelled, runId)) return;
    await savePlan(ports, await planRun(ports, runId, event, source, runAttempt), event);
  }
  await outbox.flush(plans, runId);
}

/** Saves a plan together with ml.run.started and its jobs, unless the run has one. */
export async function savePlan(
  { plans, outbox }: Pick<StartRunPorts, 'plans' | 'outbox'>,
  { document, run, jobs }: PlannedRun,
  cause: EventMeta,
): Promise<void> {
  const { _id, ...fields } = document;
  const entries = [
    outbox.entry(events.runStarted, _id, run, {
      id: derivedEventId(events.runStarted.type, _id),
      cause,
      correlationId: _id,
    }),
    ...jobs.map((job) => jobEntry(outbox, job, cause)),
  ];
  await plans.updateOne({ _id }, { $setOnInsert: { ...fields, outbox: entries } }, { upsert: true });
}

/** A data set and what is asked of it. */
export interface RunSource {
  readonly request: DatasetReady;
  readonly dataset: ArtifactRef;
}

/** A run as it is saved and announced. */
export interface PlannedRun {
  readonly document: Omit<PlanDocument, 'outbox'>;
  readonly run: RunStarted;
  readonly jobs: FoldJob[];
}

/**
 * The announcement of a job: the same job is the same event, whoever announces it. Its id and key come from its run (or
 * reproduction), its attempt and its fold.
 */
export function jobEntry(outbox: Pick<Outbox, 'entry'>, job: FoldJob, cause: EventMeta): OutboxEntry {
  const key = jobKeyOf(job.reproduction?.reproductionId ?? job.runId, job.fold, job.final);
  return outbox.entry(events.foldJob, key, job, {
    id: derivedEventId(events.foldJob.type, key, ...attemptParts(job.runAttempt)),
    cause,
    correlationId: job.trial?.searchId ?? job.runId,
  });
}

/** What a plan can't be made without; throws RK_MESSAGE_MISSING_FIELD naming the first field that is missing. */
export function sourceOf(data: DatasetIngested): RunSource {
  const { request, artifact } = data;
  const field =
    data.requestEventId === '' ? 'request_event_id' : request === undefined ? 'request' : 'artifact.sha256';
  if (
    data.requestEventId === '' ||
    request === undefined ||
    artifact === undefined ||
    artifact.sha256 === ''
  ) {
    throw new TerminalError(
      'RK_MESSAGE_MISSING_FIELD',
      `${events.datasetIngested.type} of ${data.name} has no ${field}`,
      {
        details: { field, dataset: data.name },
      },
    );
  }
  return { request, dataset: artifact };
}

/** Plans the run of a request and stores its fold bundles: the same input gives the same plan and the same artifacts. */
export async function planRun(
  {
    artifacts,
    mode,
    codeVersion,
    plugins,
  }: Pick<StartRunPorts, 'artifacts' | 'mode' | 'codeVersion' | 'plugins'>,
  runId: string,
  event: { readonly data: DatasetIngested; readonly time: Date },
  { request, dataset }: RunSource,
  runAttempt = 1,
): Promise<PlannedRun> {
  const { data } = event;
  const table = tableFromArrow(await artifacts.get(dataset.sha256));
  const settings = settleRequest(request, table);
  const seed = runSeed(request.seed, mode, data.requestEventId);
  const folding = foldPlan(table, targetName(request), settings, seed);
  const fitPlugins = await pluginFeatures(
    plugins,
    settings.preprocessing?.plugins ?? [],
    table,
    folding,
    seed,
  );
  const planned: PlannedJob[] = [];
  for (let number = 0; number < folding.jobs; number++) {
    // Fitting a long table takes a while: heartbeats and other calls get their turn between jobs.
    if (number > 0 && table.rows > rowsWithoutPause) await setImmediate();
    planned.push(folding.job(number, await fitPlugins(number)));
  }
  const signature = signatureOf(settings, table, targetName(request));
  const last = planned.at(-1)?.transformer;
  const features = last ? featureRanges(last) : [];
  // Every fold has its own number of inputs where a category is missing from its rows: the final one's is checked here.
  const spec: ModelSpec | PluginSpec = isPluginSpec(request.modelSpec)
    ? await plugins.settle(
        givenPluginSpec(request),
        pluginProblemOf(settings, last?.featureNames ?? []),
        seed,
      )
    : settleSpec(request, settings, last?.width ?? 0, seed, features);
  const bundles = await Promise.all(
    planned.map((job) =>
      artifacts.put(bundleOf(runId, job, dataset, request, signature), artifactTypes.foldBundle),
    ),
  );
  const run: RunStarted = {
    runId,
    datasetId: data.datasetId,
    datasetName: data.name,
    datasetVersion: data.version,
    dataset,
    model: settings.model,
    task: taskToProto(settings.task),
    target: targetName(request),
    folds: settings.folds,
    stratified: settings.stratified,
    seed,
    gate: settings.gate,
    modelSpec: { ...spec },
    signature,
    rows: table.rows,
    requestEventId: data.requestEventId,
    bundles,
    requestedAtMs: data.requestedAtMs,
    codeVersion,
    tags: request.tags,
    plugins: pluginsOfRun(last, 'plugin' in spec ? spec : {}),
    search: undefined,
  };
  return { document: planDocument(run, event.time), run, jobs: jobsOfRun(run, runAttempt) };
}

/** A plan as it is kept; `ingestedAt` is the time of the ml.dataset.ingested that it was made for. */
export function planDocument(run: RunStarted, ingestedAt: Date): Omit<PlanDocument, 'outbox'> {
  return {
    _id: run.runId,
    model: run.model,
    datasetSha256: run.dataset?.sha256 ?? '',
    bundles: run.bundles,
    createdAt: ingestedAt.toISOString(),
  };
}

function bundleOf(
  runId: string,
  job: PlannedJob,
  dataset: ArtifactRef,
  request: DatasetReady,
  signature: Signature,
): Uint8Array {
  return FoldBundle.encode({
    runId,
    fold: job.fold,
    final: job.final,
    datasetSha256: dataset.sha256,
    trainRows: encodeRowNumbers(job.train),
    testRows: encodeRowNumbers(job.test),
    transformerJson: JSON.stringify(job.transformer),
    targetJson: JSON.stringify(job.target),
    target: targetName(request),
    task: signature.task,
    signature,
    trainWeights: job.weights === undefined ? Buffer.alloc(0) : encodeRowWeights(job.weights),
    weightColumn: request.sampleWeight,
  }).finish();
}
