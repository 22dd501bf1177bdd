import { randomUUID } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';

import { events } from '@rookery/contracts';
import type { ArtifactStore } from '@rookery/artifacts';
import type { Bus, Consumption, Outbox, Stop } from '@rookery/bus';
import type { IngestServiceServer } from '@rookery/proto/rookery/ingest/v1/ingest';
import type { RebuildSpec } from '@rookery/service-kit';
import type { Store } from '@rookery/store';

import { grpcIngestService } from './adapters/grpc-ingest-service.js';
import { createSources } from './adapters/sources.js';
import { createStoreCatalogue } from './adapters/store-catalogue.js';
import { createIngestDataset } from './application/ingest-dataset.js';
import { ingestRebuild } from './application/rebuild.js';
import { createQueryDatasets } from './application/query-datasets.js';
import { createUploadDataset } from './application/upload-dataset.js';
import { filePolicyOf, httpOptionsOf, limitsOf } from './config.js';
import type { SourceConfig } from './config.js';

/** What the service is made of; {@link Kit} of service-kit has all of it. */
export interface IngestParts {
  readonly bus: Bus;
  readonly store: Store;
  readonly artifacts: ArtifactStore;
  readonly outbox: Outbox;
  readonly clock: () => number;
  /** Makes sure that the catalogue holds what the log says; called before anything is consumed. */
  readonly keepRebuilt: (spec: RebuildSpec) => Promise<void>;
  readonly config: SourceConfig;
}

/** The running service: what it consumes, what it serves, and how its outbox's recovery ends. */
export interface IngestService {
  readonly consumption: Consumption;
  readonly grpc: IngestServiceServer;
  readonly stopRecovery: Stop;
}

/** Composes the service and begins to consume ml.dataset.ready. */
export async function startIngest(parts: IngestParts): Promise<IngestService> {
  const { bus, artifacts, outbox, clock, config } = parts;
  const limits = limitsOf(config);
  const catalogue = await createStoreCatalogue(parts.store, outbox);
  const sources = createSources({
    artifacts,
    nc: bus.nc,
    files: filePolicyOf(config),
    http: httpOptionsOf(config),
  });
  const ingest = createIngestDataset({
    sources,
    artifacts,
    catalogue,
    limits,
    clock,
    pause: () => setImmediate(),
  });
  const upload = createUploadDataset({ artifacts, bus, maxBytes: limits.maxBytes, newId: randomUUID });
  await parts.keepRebuilt(ingestRebuild(catalogue, catalogue.collection));
  const stopRecovery = outbox.startRecovery([catalogue.collection]);
  const consumption = await bus.consume(events.datasetReady, {
    durable: 'ingest',
    concurrency: 2,
    handler: ingest.handle,
    onDeadLetter: ingest.onDeadLetter,
  });
  return {
    consumption,
    grpc: grpcIngestService(upload, createQueryDatasets(catalogue, artifacts)),
    stopRecovery,
  };
}
