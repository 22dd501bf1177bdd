import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import * as grpc from '@grpc/grpc-js';
import { openArtifacts } from '@rookery/artifacts';
import type { ArtifactStore } from '@rookery/artifacts';
import { connectBus, createOutbox } from '@rookery/bus';
import type { Bus, Outbox } from '@rookery/bus';
import { startNatsServer } from '@rookery/bus/testing';
import { events } from '@rookery/contracts';
import { IngestServiceClient, IngestServiceService } from '@rookery/proto/rookery/ingest/v1/ingest';
import { createGrpcServer, loadConfig, rebuildFromLog } from '@rookery/service-kit';
import { openStore } from '@rookery/store';
import type { Store } from '@rookery/store';
import { createLogger } from '@rookery/telemetry';
import { vi } from 'vitest';

import { config } from '../src/config.js';
import type { SourceConfig } from '../src/config.js';
import { startIngest } from '../src/ingest-service.js';
import type { IngestParts } from '../src/ingest-service.js';

/** The service on a real broker and the embedded store, in this process. */
export interface Harness {
  readonly bus: Bus;
  readonly store: Store;
  readonly artifacts: ArtifactStore;
  readonly client: IngestServiceClient;
  readonly folder: string;
  /** Stops consuming, forgets what was acknowledged, and starts again: every event is delivered anew. */
  deliverAllAgain(): Promise<void>;
  /** Resolves when nothing is waiting or in work. */
  idle(): Promise<void>;
  stop(): Promise<void>;
}

/** Where the example data lies. */
export const dataFolder = fileURLToPath(new URL('../../../data', import.meta.url));

/** Starts a broker and the service; files may be read from the returned folder and the example data. */
export async function startHarness(
  options: {
    maxBytes?: number;
    outbox?: (real: Outbox) => Outbox;
    config?: Partial<SourceConfig>;
  } = {},
): Promise<Harness> {
  const nats = await startNatsServer();
  const folder = await mkdtemp(join(tmpdir(), 'rookery-ingest-'));
  const logger = createLogger({ name: 'ingest', level: 'silent' });
  const bus = await connectBus({ url: nats.url, name: 'ingest', logger });
  await bus.ensureTopology();
  const store = await openStore({ directory: join(folder, 'store'), database: 'ingest' });
  const artifacts = await openArtifacts({ url: 'nats:', nc: bus.nc });
  const outbox = createOutbox(bus);
  const parts: IngestParts = {
    bus,
    store,
    artifacts,
    outbox: options.outbox?.(outbox) ?? outbox,
    clock: Date.now,
    keepRebuilt: async (spec) => {
      const { signal } = new AbortController();
      await rebuildFromLog({ bus, store, outbox, logger, clock: Date.now, signal }, spec);
    },
    config: {
      ...loadConfig(config, {}),
      ROOKERY_FILE_ROOTS: [folder, dataFolder],
      ROOKERY_MAX_DATASET_BYTES: options.maxBytes ?? 10_000_000,
      ...options.config,
    },
  };
  let service = await startIngest(parts);
  const server = createGrpcServer({ logger, host: '127.0.0.1' });
  server.addService(IngestServiceService, service.grpc);
  const port = await server.listen(0);
  const client = new IngestServiceClient(`127.0.0.1:${port}`, grpc.credentials.createInsecure());
  return {
    bus,
    store,
    artifacts,
    client,
    folder,
    async deliverAllAgain() {
      await service.stopRecovery();
      await service.consumption.stop(5000);
      await bus.jsm.consumers.delete(events.datasetReady.stream, 'ingest');
      service = await startIngest(parts);
    },
    idle: () =>
      vi.waitFor(
        async () => {
          const { pending, ackPending } = await service.consumption.lag();
          if (pending + ackPending > 0) throw new Error(`${pending} events wait, ${ackPending} are in work`);
        },
        { timeout: 15_000, interval: 50 },
      ),
    async stop() {
      client.close();
      await service.stopRecovery();
      await service.consumption.stop(1000);
      await server.stop(1000);
      await artifacts.close();
      await store.close();
      await bus.close();
      await nats.stop();
      await rm(folder, { recursive: true });
    },
  };
}
