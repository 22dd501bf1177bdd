import { RegistryServiceService } from '@rookery/proto/rookery/registry/v1/registry';
import { keepRebuilt, runService } from '@rookery/service-kit';
import { metricDirection } from '@rookery/tabular';

import { openCollections } from './adapters/collections.js';
import { startConsumers } from './adapters/consumers.js';
import { createEventLog } from './adapters/event-log.js';
import { createGrpcService } from './adapters/grpc-service.js';
import { createPackageReader } from './adapters/package-reader.js';
import { createWorkQueues } from './adapters/work-queues.js';
import type { Registry } from './application/ports.js';
import { registryRebuild } from './application/rebuild.js';
import { recover, startRecovery } from './application/recovery.js';
import { createRunChanges } from './application/run-changes.js';
import { startStallWatch } from './application/stalled-runs.js';
import { config } from './config.js';

const recoverEveryMs = 5_000;

await runService({
  name: 'registry',
  config,
  start: async (kit) => {
    const registry: Registry = {
      collections: await openCollections(kit.store),
      outbox: kit.outbox,
      packages: createPackageReader(kit.artifacts),
      log: createEventLog(kit.bus),
      queues: createWorkQueues(kit.bus),
      changes: createRunChanges(),
      logger: kit.logger,
      clock: kit.clock,
      lowerIsBetter: (metric) => metricDirection(metric) === 'lower',
    };
    const { runs, models, reproductions } = registry.collections;
    await keepRebuilt(kit, registryRebuild(registry));
    await recover(registry);
    kit.onStop(startRecovery(registry, recoverEveryMs), { phase: 'intake', name: 'recovery' });
    kit.onStop(kit.outbox.startRecovery([runs, models, reproductions], recoverEveryMs), {
      phase: 'intake',
      name: 'outbox',
    });
    kit.onStop(startStallWatch(registry, kit.config.ROOKERY_RUN_STALL_MS), {
      phase: 'intake',
      name: 'stalled runs',
    });
    await startConsumers(kit.bus, registry);
    kit.grpc.addService(RegistryServiceService, createGrpcService(registry, kit.signal));
  },
});
