import { events } from '@rookery/contracts';
import { openPlugins, pluginSettings } from '@rookery/plugin';
import { runService } from '@rookery/service-kit';

import { followCancelledRuns } from './application/cancelled-runs.js';
import { trainFold } from './application/train-fold.js';
import { openTrainingPool } from './adapters/training-pool.js';
import { trainerConfig } from './config.js';

await runService({
  name: 'trainer',
  config: trainerConfig,
  uses: { store: false },
  async start({ config, bus, artifacts, logger, onStop, version }) {
    const pool = await openTrainingPool({
      workers: config.ROOKERY_TRAINER_WORKERS,
      backend: config.ROOKERY_TF_BACKEND,
      engine: config.ROOKERY_ENGINE,
      onnxProviders: config.ROOKERY_ONNX_PROVIDERS,
      onnxThreads: config.ROOKERY_ONNX_THREADS,
      deadlineMs: config.ROOKERY_JOB_DEADLINE_MS,
      logger,
    });
    onStop(() => pool.close(), { name: 'training threads', phase: 'drained' });
    const plugins = openPlugins(
      pluginSettings(config, new URL('./plugin-worker.js', import.meta.url)),
      logger,
    );
    onStop(() => plugins.close(), { name: 'plug-ins', phase: 'drained' });
    const cancelled = await followCancelledRuns(bus, logger);
    onStop(() => cancelled.stop(), { name: 'cancelled runs', phase: 'drained' });
    await bus.consume(events.foldJob, {
      durable: 'trainer',
      concurrency: pool.size,
      ackWaitMs: config.ROOKERY_JOB_ACK_WAIT_MS,
      handler: trainFold({ bus, artifacts, pool, plugins, cancelled, codeVersion: version }),
    });
  },
});
