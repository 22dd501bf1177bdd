import { randomUUID } from 'node:crypto';
import { open } from 'node:fs/promises';
import { basename } from 'node:path';

import type * as grpc from '@grpc/grpc-js';
import { connectBus } from '@rookery/bus';
import type { Bus, BusLogin, Logger } from '@rookery/bus';
import { TerminalError, events } from '@rookery/contracts';
import { IngestServiceClient } from '@rookery/proto/rookery/ingest/v1/ingest';
import type { Dataset, UploadDatasetResponse } from '@rookery/proto/rookery/ingest/v1/ingest';
import { InferenceServiceClient } from '@rookery/proto/rookery/inference/v1/inference';
import type { ListServedModelsResponse } from '@rookery/proto/rookery/inference/v1/inference';
import { MonitorServiceClient } from '@rookery/proto/rookery/monitor/v1/monitor';
import type { MonitoredModel, StoredPrediction } from '@rookery/proto/rookery/monitor/v1/monitor';
import { DatasetReady } from '@rookery/proto/rookery/events/v1/dataset';
import type { MonitorReported } from '@rookery/proto/rookery/events/v1/monitoring';
import { RegistryServiceClient } from '@rookery/proto/rookery/registry/v1/registry';
import type {
  Alias,
  AliasChange,
  Model,
  ModelVersion,
  Run,
} from '@rookery/proto/rookery/registry/v1/registry';
import { TransformServiceClient } from '@rookery/proto/rookery/transform/v1/transform';
import type { AllowedPlugin, GetSearchResponse } from '@rookery/proto/rookery/transform/v1/transform';
import { callUnary, createGrpcClient, remoteErrorOf } from '@rookery/service-kit/client';
import type { Peers } from '@rookery/service-kit/client';

import type { Addresses } from './addresses.js';
import { openDeadLetters } from './dead-letters.js';
import type { DeadLetters } from './dead-letters.js';
import { labelOf, labelsOf } from './label-sets.js';
import type { PredictionTruth } from './label-sets.js';
import { rowToProto } from './plain-rows.js';
import type { PlainRow } from './plain-rows.js';
import type { RunOutcome, RunStep } from './run-outcome.js';
import { openRunControl } from './run-control.js';
import type { RunControl } from './run-control.js';
import { watchRun, watchRunId } from './run-watch.js';
import type { RunWatch } from './run-watch.js';

/** A request as a program writes it: everything but name, uri and target (or targets) has a default. */
export type DatasetRequest = Partial<DatasetReady> &
  Pick<DatasetReady, 'name' | 'uri'> &
  (Pick<DatasetReady, 'target'> | Pick<DatasetReady, 'targets'>);

/** A published data set that is being followed. */
export interface PublishedRun {
  readonly eventId: string;
  readonly runId: string;
  /** Resolves when a replica serves the model, or there will be none. */
  readonly outcome: Promise<RunOutcome>;
  /** Stops following; the run goes on. */
  stop(): Promise<void>;
}

/** One prediction, flattened. */
export interface PredictedRow {
  readonly id: string;
  readonly model: string;
  readonly version: number;
  /** Most probable class, or the labels of a multi-label model as one text; undefined for regression. */
  readonly label: string | undefined;
  /** Labels above the threshold of a multi-label model; undefined for any other. */
  readonly labels: readonly string[] | undefined;
  /** By class; empty for regression. */
  readonly probabilities: Readonly<Record<string, number>>;
  /** Predicted number of a regression. */
  readonly value: number | undefined;
}

/** How to connect. */
export interface ClientOptions {
  readonly addresses: Addresses;
  /** Name that events carry as their source. Default client. */
  readonly name?: string;
  readonly logger?: Logger;
  /** How long to try to reach NATS, milliseconds. Default 5,000. */
  readonly connectDeadlineMs?: number;
  /** TLS and token for calls; `peersFromEnvironment(process.env)` reads them. Default: plain text, no token. */
  readonly peers?: Peers;
  /** Credentials for NATS; `loginFromEnvironment(process.env)` reads them. Default: those in its URL. */
  readonly login?: BusLogin;
}

/** Versions, and moves of an alias, asked for in one call. */
const versionsPage = 100;
const movesPage = 1_000;

/**
 * The typed client of a Rookery system. Connections are opened when first needed. Errors are those of the services:
 * RookeryError with a code of docs/error-codes.md, or the gRPC error where a service can't be reached.
 */
export class RookeryClient {
  readonly addresses: Addresses;
  readonly #options: ClientOptions;
  readonly #clients = new Map<string, grpc.Client>();
  #bus: Promise<Bus> | undefined;

  constructor(options: ClientOptions) {
    this.#options = options;
    this.addresses = options.addresses;
  }

  /** The event bus, for publishing and following events. */
  bus(): Promise<Bus> {
    this.#bus ??= connectBus({
      url: this.addresses.nats,
      name: this.#options.name ?? 'client',
      connectDeadlineMs: this.#options.connectDeadlineMs ?? 5_000,
      ...(this.#options.logger ? { logger: this.#options.logger } : {}),
      ...(this.#options.login ? { login: this.#options.login } : {}),
    });
    this.#bus.catch(() => {
      this.#bus = undefined;
    });
    return this.#bus;
  }

  #client<C extends grpc.Client>(
    constructor: new (
      address: string,
      credentials: grpc.ChannelCredentials,
      options?: grpc.ClientOptions,
    ) => C,
    address: string,
  ): C {
    const known = this.#clients.get(address) as C | undefined;
    if (known) return known;
    const made = createGrpcClient(
      constructor,
      address,
      this.#options.peers ? { peers: this.#options.peers } : {},
    );
    this.#clients.set(address, made);
    return made;
  }

  get #registry(): RegistryServiceClient {
    return this.#client(RegistryServiceClient, this.addresses.registry);
  }

  get #inference(): InferenceServiceClient {
    return this.#client(InferenceServiceClient, this.addresses.inference);
  }

  get #monitor(): MonitorServiceClient {
    return this.#client(MonitorServiceClient, this.addresses.monitor);
  }

  get #ingest(): IngestServiceClient {
    return this.#client(IngestServiceClient, this.addresses.ingest);
  }

  get #transform(): TransformServiceClient {
    return this.#client(TransformServiceClient, this.addresses.transform);
  }

  /** The search of a run with its attempts so far; throws RK_RUN_NOT_FOUND where the run has none. */
  search(runId: string): Promise<GetSearchResponse> {
    return callUnary(this.#transform, 'getSearch', { runId });
  }

  /** The plug-ins that a request may name, and whether they load; one that is slow to load is told as being checked. */
  async plugins(): Promise<AllowedPlugin[]> {
    return (await callUnary(this.#transform, 'listPlugins', {})).plugins;
  }

  /** Publishes ml.dataset.ready and follows the run live; `onStep` gets every step and all progress. */
  async publish(
    request: DatasetRequest,
    onStep: (step: RunStep) => void = () => undefined,
  ): Promise<PublishedRun> {
    const bus = await this.bus();
    const eventId = `dataset-ready-${randomUUID()}`;
    const watch = await watchRun(bus, eventId, onStep);
    await bus.publish(events.datasetReady, '', DatasetReady.fromPartial(request), { id: eventId });
    return { eventId, runId: watch.runId, outcome: watch.outcome, stop: () => watch.stop() };
  }

  /** Follows a run that was started by an event with this id. */
  async follow(eventId: string, onStep: (step: RunStep) => void): Promise<PublishedRun> {
    const watch = await watchRun(await this.bus(), eventId, onStep);
    return { eventId, runId: watch.runId, outcome: watch.outcome, stop: () => watch.stop() };
  }

  /** Uploads a file to the ingest service, which publishes ml.dataset.ready for it. */
  async upload(
    file: string,
    description: Partial<DatasetReady> & Pick<DatasetReady, 'name'>,
  ): Promise<UploadDatasetResponse> {
    const unreadable = (error: Error): TerminalError =>
      new TerminalError('RK_DATASET_NOT_FOUND', `${file} can not be read: ${error.message}`, {
        cause: error,
      });
    // Opened before the call: a file that is not there is told as that, whether or not the service answers.
    const opened = await open(file).catch((error: Error) => {
      throw unreadable(error);
    });
    if ((await opened.stat()).isDirectory()) {
      await opened.close();
      throw unreadable(new Error('it is a folder'));
    }
    const source = opened.createReadStream({ highWaterMark: 256 * 1024 });
    return new Promise((resolve, reject) => {
      const call = this.#ingest.uploadDataset(
        (error: grpc.ServiceError | null, response: UploadDatasetResponse) => {
          source.destroy();
          if (error) reject(remoteErrorOf(error) ?? error);
          else resolve(response);
        },
      );
      const value = DatasetReady.fromPartial({ ...description, uri: basename(file) });
      call.write({ part: { $case: 'description', value } });
      source.once('error', (error) => {
        reject(unreadable(error));
        call.cancel();
      });
      source.on('data', (chunk) => {
        const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
        if (!call.write({ part: { $case: 'chunk', value: bytes } })) {
          source.pause();
          call.once('drain', () => source.resume());
        }
      });
      source.once('end', () => {
        call.end();
      });
    });
  }

  /** Data sets, newest first; rejected requests are among them. */
  async datasets(filter: { name?: string; limit?: number; offset?: number } = {}): Promise<Dataset[]> {
    const { datasets } = await callUnary(this.#ingest, 'listDatasets', {
      name: '',
      limit: 100,
      offset: 0,
      ...filter,
    });
    return datasets;
  }

  /** One version of a data set (0: the latest), with its column profiles as JSON; throws RK_DATASET_NOT_FOUND. */
  async dataset(name: string, version = 0): Promise<{ dataset: Dataset; profileJson: string }> {
    const { dataset, profileJson } = await callUnary(this.#ingest, 'getDataset', {
      datasetId: '',
      name,
      version,
    });
    if (!dataset) throw new TerminalError('RK_DATASET_NOT_FOUND', `There is no data set ${name} ${version}`);
    return { dataset, profileJson };
  }

  /** Runs, newest first. */
  async runs(filter: { model?: string; limit?: number; offset?: number } = {}): Promise<Run[]> {
    const { runs } = await callUnary(this.#registry, 'listRuns', {
      model: '',
      state: 0,
      limit: 100,
      offset: 0,
      ...filter,
    });
    return runs;
  }

  /** One run; throws RK_RUN_NOT_FOUND. */
  async run(runId: string): Promise<Run> {
    const { run } = await callUnary(this.#registry, 'getRun', { runId });
    if (!run) throw new TerminalError('RK_RUN_NOT_FOUND', `There is no run ${runId}`);
    return run;
  }

  /** Follows a run whose id is known; see {@link watchRunId}. */
  async followRun(runId: string, onStep: (step: RunStep) => void = () => undefined): Promise<RunWatch> {
    return watchRunId(await this.bus(), runId, onStep);
  }

  /** Runs that go on, end early, or are trained again to be compared. */
  get runControl(): RunControl {
    return openRunControl(this.#registry, () => this.bus());
  }

  async models(): Promise<Model[]> {
    return (await callUnary(this.#registry, 'listModels', { limit: 1000, offset: 0 })).models;
  }

  /** One model with its versions, newest first; throws RK_MODEL_NOT_FOUND. */
  async model(name: string): Promise<{ model: Model; versions: ModelVersion[] }> {
    // By number: a version that is registered between two pages brings the last one of a page again.
    const versions = new Map<number, ModelVersion>();
    for (let versionsOffset = 0; ; versionsOffset += versionsPage) {
      const page = { name, versionsLimit: versionsPage, versionsOffset };
      const { model, versions: found } = await callUnary(this.#registry, 'getModel', page);
      if (!model) throw new TerminalError('RK_MODEL_NOT_FOUND', `There is no model ${name}`);
      for (const version of found) versions.set(version.version, version);
      if (found.length < versionsPage) return { model, versions: [...versions.values()] };
    }
  }

  /** One version, by number or alias; throws RK_VERSION_NOT_FOUND or RK_ALIAS_NOT_FOUND. */
  async modelVersion(model: string, selector: number | string): Promise<ModelVersion> {
    const { version } = await callUnary(this.#registry, 'getModelVersion', {
      model,
      selector:
        typeof selector === 'number'
          ? { $case: 'version', value: selector }
          : { $case: 'alias', value: selector },
    });
    if (!version) throw new TerminalError('RK_VERSION_NOT_FOUND', `${model} has no version ${selector}`);
    return version;
  }

  /** Moves an alias if its revision is still the expected one; throws RK_ALIAS_CONFLICT otherwise. */
  async setAlias(change: {
    model: string;
    alias: string;
    version: number;
    expectedRevision: number;
    actor: string;
    reason: string;
  }): Promise<Alias> {
    const { alias } = await callUnary(this.#registry, 'setAlias', change);
    if (!alias) throw new TerminalError('RK_ALIAS_NOT_FOUND', `${change.model} has no alias ${change.alias}`);
    return alias;
  }

  /** Moves champion back; `toVersion` 0 means the champion before this one. */
  rollBack(change: {
    model: string;
    toVersion?: number;
    actor: string;
    reason: string;
  }): Promise<{ alias: Alias | undefined; previousVersion: number }> {
    return callUnary(this.#registry, 'rollBack', { toVersion: 0, ...change });
  }

  /** Every move of an alias by ascending revision. */
  async aliasHistory(model: string, alias = 'champion'): Promise<AliasChange[]> {
    // By revision: a move between two pages brings the last one of a page again.
    const moves = new Map<number, AliasChange>();
    for (let offset = 0; ; offset += movesPage) {
      const page = { model, alias, limit: movesPage, offset };
      const { changes } = await callUnary(this.#registry, 'listAliasHistory', page);
      for (const change of changes) moves.set(change.revision, change);
      if (changes.length < movesPage) return [...moves.values()].sort((a, b) => a.revision - b.revision);
    }
  }

  /** Predicts rows with the champion of a model; `model` may be empty while one alone is served. */
  async predict(
    model: string,
    rows: readonly PlainRow[],
    options: { timeoutMs?: number } = {},
  ): Promise<PredictedRow[]> {
    const response = await callUnary(
      this.#inference,
      'predict',
      { model, rows: rows.map(rowToProto) },
      options,
    );
    return response.predictions.map((prediction) => ({
      id: prediction.predictionId,
      model: response.model,
      version: response.version,
      label: prediction.label === '' ? undefined : prediction.label,
      labels: labelsOf(prediction, response.classes),
      probabilities: Object.fromEntries(
        response.classes.map((name, k) => [name, prediction.probabilities[k] ?? 0]),
      ),
      value: prediction.value,
    }));
  }

  /** What the replica serves now. */
  served(): Promise<ListServedModelsResponse> {
    return callUnary(this.#inference, 'listServedModels', {});
  }

  /** Tells the truth about predictions, whenever it is known. */
  async label(model: string, truths: readonly PredictionTruth[]): Promise<number> {
    const labels = truths.map((truth) => labelOf(truth));
    return (await callUnary(this.#monitor, 'addLabels', { model, labels })).accepted;
  }

  /** Compares what was captured with the model's reference, now. */
  async report(request: {
    model: string;
    version?: number;
    window?: number;
    minPredictions?: number;
    waitMs?: number;
  }): Promise<MonitorReported> {
    const { report } = await callUnary(
      this.#monitor,
      'runReport',
      { version: 0, window: 0, minPredictions: 0, waitMs: 0, ...request },
      { timeoutMs: 60_000 + (request.waitMs ?? 0) },
    );
    if (!report) throw new TerminalError('RK_REPORT_NOT_FOUND', `There is no report of ${request.model}`);
    return report;
  }

  async reports(model: string, limit = 20): Promise<MonitorReported[]> {
    return (await callUnary(this.#monitor, 'listReports', { model, limit })).reports;
  }

  async monitored(model = ''): Promise<MonitoredModel[]> {
    return (await callUnary(this.#monitor, 'getStatus', { model })).models;
  }

  async predictions(filter: {
    model: string;
    version?: number;
    limit?: number;
    labelled?: boolean;
  }): Promise<StoredPrediction[]> {
    const { predictions } = await callUnary(this.#monitor, 'listPredictions', {
      version: 0,
      limit: 100,
      labelled: undefined,
      ...filter,
    });
    return predictions;
  }

  /** Events that no service could handle: to look at, to send again, to drop. */
  async deadLetters(): Promise<DeadLetters> {
    return openDeadLetters((await this.bus()).deadLetters, this);
  }

  /** Closes all connections. */
  async close(): Promise<void> {
    for (const client of this.#clients.values()) client.close();
    this.#clients.clear();
    const bus = await this.#bus?.catch(() => undefined);
    this.#bus = undefined;
    await bus?.close();
  }
}
