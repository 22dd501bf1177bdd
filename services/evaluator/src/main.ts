import { events } from '@rookery/contracts';
import { warmUpPredictor } from '@rookery/nn';
import { openPlugins, pluginSettings } from '@rookery/plugin';
import { keepRebuilt, runService } from '@rookery/service-kit';

import { artifactReader } from './adapters/artifact-reader.js';
import { evaluationCollection } from './adapters/evaluation-collection.js';
import { evaluateTrained } from './application/evaluate-trained.js';
import { joinRun } from './application/join-run.js';
import { joinFoldsOfTrial } from './application/join-trial.js';
import { keepPlan } from './application/keep-plan.js';
import { evaluatorRebuild } from './application/rebuild.js';
import { resumeEvaluation } from './application/resume-evaluation.js';
import { stopEvaluation } from './application/stop-evaluation.js';
import { evaluatorConfig } from './config.js';

await runService({
  name: 'evaluator',
  config: evaluatorConfig,
  async start(kit) {
    const { bus, store, artifacts, outbox, config, onStop, logger } = kit;
    const evaluations = await evaluationCollection(store);
    const reader = artifactReader(artifacts);
    const plugins = openPlugins(
      pluginSettings(config, new URL('./plugin-worker.js', import.meta.url)),
      logger,
    );
    onStop(() => plugins.close(), { name: 'plug-ins', phase: 'drained' });
    const join = joinRun({ evaluations, reader, artifacts, plugins, outbox, logger });
    const joinTrial = joinFoldsOfTrial({ evaluations, outbox, reader });
    await keepRebuilt(kit, evaluatorRebuild({ evaluations, reader, artifacts, plugins }));
    onStop(outbox.startRecovery([evaluations]), { name: 'outbox recovery', phase: 'intake' });
    await Promise.all([
      // What the first network needs is loaded before it comes, not while a run waits.
      warmUpPredictor('cpu'),
      bus.consume(events.runStarted, {
        durable: 'evaluator-plans',
        handler: keepPlan({ evaluations, reader, join }),
      }),
      bus.consume(events.foldTrained, {
        durable: 'evaluator',
        concurrency: 4,
        handler: evaluateTrained({ evaluations, reader, artifacts, plugins, outbox, join, joinTrial }),
      }),
      bus.consume(events.runResumed, {
        durable: 'evaluator-resumed',
        handler: resumeEvaluation({ evaluations, reader, artifacts, plugins, outbox, bus, join }),
      }),
      bus.consume(events.runCancelled, {
        durable: 'evaluator-cancelled',
        handler: stopEvaluation({ evaluations }),
      }),
    ]);
  },
});
