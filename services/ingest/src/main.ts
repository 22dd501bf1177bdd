import { IngestServiceService } from '@rookery/proto/rookery/ingest/v1/ingest';
import { keepRebuilt, runService } from '@rookery/service-kit';

import { config } from './config.js';
import { startIngest } from './ingest-service.js';

/*
 * Consumes ml.dataset.ready; emits ml.dataset.ingested and ml.dataset.rejected.
 * Serves rookery.ingest.v1.IngestService on ROOKERY_INGEST_PORT.
 */
await runService({
  name: 'ingest',
  config,
  async start(kit) {
    const service = await startIngest({
      bus: kit.bus,
      store: kit.store,
      artifacts: kit.artifacts,
      outbox: kit.outbox,
      clock: kit.clock,
      config: kit.config,
      keepRebuilt: (spec) => keepRebuilt(kit, spec),
    });
    kit.grpc.addService(IngestServiceService, service.grpc);
    kit.onStop(() => service.stopRecovery(), { name: 'outbox recovery', phase: 'intake' });
  },
});
