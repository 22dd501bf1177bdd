import { trace } from '@opentelemetry/api';
import * as grpc from '@grpc/grpc-js';
import { openArtifacts } from '@rookery/artifacts';
import type { ArtifactStore } from '@rookery/artifacts';
import { connectBus } from '@rookery/bus';
import type { Bus } from '@rookery/bus';
import { events } from '@rookery/contracts';
import { ModelPackage } from '@rookery/proto/rookery/artifacts/v1/artifacts';
import { InferenceServiceClient } from '@rookery/proto/rookery/inference/v1/inference';
import type {
  ListServedModelsResponse,
  PredictRequest,
  PredictResponse,
} from '@rookery/proto/rookery/inference/v1/inference';
import { createGrpcServer, loadConfig } from '@rookery/service-kit';
import { createLogger } from '@rookery/telemetry';
import { vi } from 'vitest';

import { config } from '../../src/config.js';
import { startInference } from '../../src/start.js';

/** A replica of the service within the test's process, composed as in main.ts, on a real broker and real gRPC. */
export interface Replica {
  readonly port: number;
  readonly client: InferenceServiceClient;
  readonly bus: Bus;
  predict(request: PredictRequest, options?: Partial<grpc.CallOptions>): Promise<PredictResponse>;
  list(): Promise<ListServedModelsResponse>;
  stop(): Promise<void>;
}

const silent = createLogger({ name: 'test', level: (process.env['TEST_LOG'] ?? 'silent') as 'silent' });

/** Starts a replica and resolves when it is ready. */
export async function startReplica(
  natsUrl: string,
  environment: Record<string, string> = {},
): Promise<Replica> {
  const settings = loadConfig(config, {
    ROOKERY_NATS_URL: natsUrl,
    ROOKERY_CAPTURE_FLUSH_MS: '20',
    ...environment,
  });
  const bus = await connectBus({ url: natsUrl, name: 'inference', logger: silent });
  await bus.ensureTopology();
  const artifacts = await openArtifacts({ url: 'nats:', nc: bus.nc });
  const server = createGrpcServer({ logger: silent });
  const stopping = new AbortController();
  const stops: ((signal: AbortSignal) => Promise<void> | void)[] = [];
  await startInference({
    config: settings,
    bus,
    artifacts,
    grpc: server,
    logger: silent,
    tracer: trace.getTracer('test'),
    clock: Date.now,
    signal: stopping.signal,
    onStop: (fn) => void stops.unshift(fn),
    stop: () => undefined,
  });
  const port = await server.listen(0);
  server.health.setReady(true);
  const client = new InferenceServiceClient(`127.0.0.1:${port}`, grpc.credentials.createInsecure());
  return {
    port,
    client,
    bus,
    predict: (request, options = {}) =>
      new Promise((resolve, reject) => {
        client.predict(request, new grpc.Metadata(), options, (error, response) =>
          error ? reject(error) : resolve(response),
        );
      }),
    list: () =>
      new Promise((resolve, reject) => {
        client.listServedModels({}, (error, response) => (error ? reject(error) : resolve(response)));
      }),
    async stop() {
      stopping.abort();
      await server.stop(2_000);
      client.close();
      for (const stop of stops) await stop(AbortSignal.timeout(3_000));
      await artifacts.close();
      await bus.close();
    },
  };
}

/** The code that Rookery put into the trailing metadata of a failed call. */
export function rookeryCode(error: unknown): string {
  return String((error as grpc.ServiceError).metadata?.get('rookery-error-code')[0] ?? '');
}

/** Stands for the registry: stores packages and moves the alias. */
export interface TestRegistry {
  readonly bus: Bus;
  readonly artifacts: ArtifactStore;
  store(pack: ModelPackage): Promise<StoredPackage>;
  promote(stored: StoredPackage, version: number, revision: number, alias?: string): Promise<void>;
  rollBack(stored: StoredPackage, version: number, revision: number): Promise<void>;
  close(): Promise<void>;
}

interface StoredPackage {
  readonly model: string;
  readonly ref: { sha256: string; bytes: number; mediaType: string };
}

/** Connects a registry for tests. */
export async function connectRegistry(natsUrl: string): Promise<TestRegistry> {
  const bus = await connectBus({ url: natsUrl, name: 'registry', logger: silent });
  await bus.ensureTopology();
  const artifacts = await openArtifacts({ url: 'nats:', nc: bus.nc });
  const moveOf = (
    { model, ref }: StoredPackage,
    version: number,
    aliasRevision: number,
    alias = 'champion',
  ) => ({
    model,
    version,
    alias,
    previousVersion: 0,
    aliasRevision,
    package: ref,
    reference: undefined,
    runId: `run-${version}`,
    manual: false,
    actor: 'test',
    reasons: [],
  });
  return {
    bus,
    artifacts,
    store: async (pack) => ({
      model: pack.model,
      ref: await artifacts.put(ModelPackage.encode(pack).finish(), 'application/x-protobuf'),
    }),
    async promote(stored, version, revision, alias) {
      const data = { ...moveOf(stored, version, revision, alias), requestedAtMs: Date.now() };
      await bus.publish(events.modelPromoted, stored.model, data, {
        id: `promoted-${stored.model}-${alias ?? ''}${revision}`,
      });
    },
    async rollBack(stored, version, revision) {
      await bus.publish(events.modelRolledBack, stored.model, moveOf(stored, version, revision), {
        id: `rolledback-${stored.model}-${revision}`,
      });
    },
    async close() {
      await artifacts.close();
      await bus.close();
    },
  };
}

/** Resolves when `check` holds, asked again every few milliseconds; rejects after `deadlineMs`, saying what was awaited. */
export async function until(
  what: string,
  check: () => Promise<boolean> | boolean,
  deadlineMs = 10_000,
): Promise<void> {
  await vi.waitUntil(check, { timeout: deadlineMs, interval: 5 }).catch((cause: unknown) => {
    throw new Error(`${what}: not within ${deadlineMs} ms`, { cause });
  });
}
