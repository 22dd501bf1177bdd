import { events } from '@rookery/contracts';
import { TransformServiceService } from '@rookery/proto/rookery/transform/v1/transform';
import { keepRebuilt, runService, unary } from '@rookery/service-kit';

import { applyTransformer } from './application/apply-transformer.js';
import { transformRebuild } from './application/rebuild.js';
import { startRun } from './application/start-run.js';
import { planCollection } from './adapters/plan-collection.js';
import { transformConfig } from './config.js';

await runService({
  name: 'transform',
  config: transformConfig,
  async start(kit) {
    const { config, bus, store, artifacts, outbox, grpc, onStop, version } = kit;
    const plans = await planCollection(store);
    await keepRebuilt(kit, transformRebuild(plans, outbox));
    onStop(outbox.startRecovery([plans]), { name: 'outbox recovery', phase: 'intake' });
    await bus.consume(events.datasetIngested, {
      durable: 'transform',
      concurrency: 2,
      handler: startRun({ plans, artifacts, outbox, mode: config.ROOKERY_MODE, codeVersion: version }),
    });
    grpc.addService(TransformServiceService, { apply: unary(applyTransformer({ plans, artifacts })) });
  },
});
