import { events } from '@rookery/contracts';
import { MonitorServiceService } from '@rookery/proto/rookery/monitor/v1/monitor';
import { keepRebuilt, runService, unary } from '@rookery/service-kit';

import { openCollections } from './adapters/collections.js';
import { referenceReader } from './adapters/reference-reader.js';
import { CaptureSignal } from './application/capture-signal.js';
import { keepCaptures } from './application/keep-captures.js';
import { addLabels, keepLabel } from './application/keep-labels.js';
import { keepChampion, keepRegistered } from './application/keep-models.js';
import { listPredictions } from './application/list-predictions.js';
import { monitorStatus } from './application/monitor-status.js';
import { monitorRebuild } from './application/rebuild.js';
import { createReporter } from './application/reporter.js';
import { reportRequests } from './application/report-requests.js';
import { startSchedule } from './application/schedule.js';
import { monitorConfig } from './config.js';

/** Predictions kept for each model. */
const predictionsKept = 100_000;

await runService({
  name: 'monitor',
  config: monitorConfig,
  async start(kit) {
    const { config, bus, store, artifacts, outbox, grpc, logger, clock, onStop } = kit;
    const collections = await openCollections(store);
    const captured = new CaptureSignal();
    const { firstSequence } = await bus.bounds(events.predictionCaptured.stream);
    await keepRebuilt(
      kit,
      monitorRebuild({
        collections,
        captured,
        outbox,
        clock,
        keep: predictionsKept,
        capturesTruncated: firstSequence > 1,
      }),
    );
    const reporter = createReporter({
      collections,
      references: referenceReader(artifacts),
      outbox,
      clock,
      window: config.ROOKERY_MONITOR_WINDOW,
      driftShare: config.ROOKERY_DRIFT_SHARE,
    });
    const schedule = await startSchedule({
      reporter,
      collections,
      logger,
      everyPredictions: config.ROOKERY_MONITOR_EVERY,
      intervalMs: config.ROOKERY_MONITOR_INTERVAL_MS,
    });
    onStop(() => schedule.stop(), { name: 'schedule', phase: 'intake' });
    onStop(outbox.startRecovery([collections.reports]), { name: 'outbox recovery', phase: 'intake' });
    const keepMove = keepChampion({ collections, captured });
    await Promise.all([
      bus.consume(events.modelRegistered, {
        durable: 'monitor-models',
        handler: keepRegistered({ collections, captured }),
      }),
      bus.consume(events.modelPromoted, { durable: 'monitor-promotions', handler: keepMove }),
      bus.consume(events.modelRolledBack, { durable: 'monitor-rollbacks', handler: keepMove }),
      bus.consume(events.predictionCaptured, {
        durable: 'monitor-captures',
        handler: keepCaptures({ collections, captured, schedule, keep: predictionsKept, clock }),
      }),
      bus.consume(events.labelReceived, {
        durable: 'monitor-labels',
        concurrency: 8,
        handler: keepLabel(collections),
      }),
    ]);
    grpc.addService(MonitorServiceService, {
      ...reportRequests({ reporter, collections, captured }),
      addLabels: unary(addLabels({ bus, collections })),
      listPredictions: unary(listPredictions(collections)),
      getStatus: unary(monitorStatus(collections)),
    });
  },
});
