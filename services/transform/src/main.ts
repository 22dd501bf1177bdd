import { events } from '@rookery/contracts';
import { openPlugins, pluginSettings, sharedSteps } from '@rookery/plugin';
import { TransformServiceService } from '@rookery/proto/rookery/transform/v1/transform';
import { keepRebuilt, runService, unary } from '@rookery/service-kit';

import { planCollection } from './adapters/plan-collection.js';
import { searchCollection } from './adapters/search-collection.js';
import { endAttempt } from './application/advance-search.js';
import { applyTransformer } from './application/apply-transformer.js';
import { listPlugins } from './application/list-plugins.js';
import { transformRebuild } from './application/rebuild.js';
import { getSearch } from './application/read-search.js';
import { stopSearch } from './application/cancel-search.js';
import { reproduceRun } from './application/reproduce-run.js';
import { resumeRun } from './application/resume-run.js';
import { startSearch } from './application/run-search.js';
import { takeDeadLetter, takeFailure, takeScore } from './application/search-events.js';
import { startRun } from './application/start-run.js';
import { transformConfig } from './config.js';

/** Processes of plug-ins that callers of Apply share. */
const applyProcesses = { most: 4, mostOfOne: 2, mostWaiting: 64, idleMs: 60_000 };

await runService({
  name: 'transform',
  config: transformConfig,
  async start(kit) {
    const { config, bus, store, artifacts, outbox, grpc, onStop, version, logger } = kit;
    const [plans, searches] = await Promise.all([planCollection(store), searchCollection(store)]);
    const plugins = openPlugins(
      pluginSettings(config, new URL('./plugin-worker.js', import.meta.url)),
      logger,
    );
    onStop(() => plugins.close(), { name: 'plug-ins', phase: 'drained' });
    const mode = config.ROOKERY_MODE;
    const planning = { plans, artifacts, outbox, bus, plugins, mode, codeVersion: version };
    const searching = { ...planning, searches, logger };
    await keepRebuilt(kit, transformRebuild(searching));
    onStop(outbox.startRecovery([plans, searches]), { name: 'outbox recovery', phase: 'intake' });
    const end = endAttempt(searching);
    const starting = { ...planning, search: startSearch(searching) };
    await Promise.all([
      bus.consume(events.datasetIngested, {
        durable: 'transform',
        concurrency: 2,
        handler: startRun(starting),
      }),
      bus.consume(events.runCancelled, { durable: 'transform-cancelled', handler: stopSearch(searches) }),
      bus.consume(events.runResumed, { durable: 'transform-resumed', handler: resumeRun(starting) }),
      bus.consume(events.runReproducing, {
        durable: 'transform-reproducing',
        handler: reproduceRun(planning),
      }),
      bus.consume(events.trialEvaluated, { durable: 'transform-trials', handler: takeScore(end) }),
      bus.consume(events.trialFailed, { durable: 'transform-trial-failures', handler: takeFailure(end) }),
      bus.consume(events.deadLetter, { durable: 'transform-dead-letters', handler: takeDeadLetter(end) }),
    ]);
    grpc.addService(TransformServiceService, {
      apply: unary(applyTransformer({ plans, artifacts, plugins: sharedSteps(plugins, applyProcesses) })),
      getSearch: unary(getSearch(searches)),
      listPlugins: unary(listPlugins(plugins)),
    });
  },
});
