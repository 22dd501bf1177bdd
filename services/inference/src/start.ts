import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';

import { events } from '@rookery/contracts';
import { tensorMemory, warmUpPredictor } from '@rookery/nn';
import { openPlugins, pluginSettings } from '@rookery/plugin';
import type { Kit } from '@rookery/service-kit';

import { createAnnouncer } from './adapters/announcer.js';
import { createCaptureEncoder } from './adapters/capture-encoder.js';
import { inferenceDefinition, inferenceImplementation } from './adapters/inference-service.js';
import { createPackageLoader } from './adapters/package-loader.js';
import { inSwapSpan } from './adapters/swap-span.js';
import { startCapturePublisher } from './application/capture-publisher.js';
import { followPromotions } from './application/follow-promotions.js';
import { listServedModels } from './application/list-served-models.js';
import { createPredict } from './application/predict.js';
import { createSwapper, loadRetryDelay } from './application/swapper.js';
import { warmWhenIdle } from './application/warm-when-idle.js';
import type { config } from './config.js';
import { createAdmission } from './domain/admission.js';
import { createCaptureBuffer } from './domain/capture-buffer.js';
import { capturedBytes } from './domain/captured-row.js';
import type { LoadedModel } from './domain/loaded-model.js';
import { createCallIds } from './domain/prediction-ids.js';
import { createServedModels } from './domain/served-models.js';

/** The services of a system start together, and have the processors until then. */
const warmUpAfterMs = 300;

/** What the inference service needs of the kit. */
export type InferenceKit = Pick<
  Kit<(typeof config)[number]>,
  'config' | 'bus' | 'artifacts' | 'grpc' | 'logger' | 'tracer' | 'clock' | 'signal' | 'onStop' | 'stop'
>;

/** Composes the service: what it serves, what it sends, what it follows. Resolves when the models of the start serve. */
export async function startInference(kit: InferenceKit): Promise<void> {
  const { bus, clock, logger, tracer, signal, config } = kit;
  const replica = { name: `${hostname()}-${process.pid}`, life: randomBytes(8).toString('hex') };

  // What it serves
  const models = createServedModels<LoadedModel>((model) => model.dispose());
  const captures = startCapturePublisher({
    buffer: createCaptureBuffer(config.ROOKERY_CAPTURE_BUFFER, {
      bytes: config.ROOKERY_CAPTURE_BUFFER_BYTES,
      bytesOf: capturedBytes,
    }),
    encode: createCaptureEncoder(256 * 1024),
    store: async (model, id, body) =>
      void (await bus.publishEncoded(events.predictionCaptured, model, body, { id })),
    replica: replica.name,
    replicaLife: replica.life,
    flushMs: config.ROOKERY_CAPTURE_FLUSH_MS,
    // Half of the buffer at most: there is always an oldest row that waits, to be dropped for a new one.
    batchRows: Math.max(1, Math.min(500, config.ROOKERY_CAPTURE_BUFFER >> 1)),
    retryMs: 500,
    logger,
  });
  const predict = createPredict({
    models,
    admission: createAdmission(config.ROOKERY_QUEUE_LIMIT, config.ROOKERY_QUEUE_ROWS),
    callIds: createCallIds(randomBytes(8)),
    clock,
    capture: config.ROOKERY_CAPTURE_BUFFER === 0 ? () => undefined : (row) => captures.push(row),
    maxRows: config.ROOKERY_MAX_PREDICT_ROWS,
  });
  const list = (): ReturnType<typeof listServedModels> =>
    listServedModels(models.list(), replica.name, captures.counts(), tensorMemory().tensors);
  kit.grpc.addService(inferenceDefinition, inferenceImplementation(predict, list));

  const plugins = openPlugins(pluginSettings(config, new URL('./plugin-worker.js', import.meta.url)), logger);

  // What it follows and sends
  const announcer = createAnnouncer(bus, replica, clock, logger, signal);
  const swapper = createSwapper({
    models,
    load: createPackageLoader({
      artifacts: kit.artifacts,
      backend: config.ROOKERY_TF_BACKEND,
      plugins,
      clock,
      tracer,
    }),
    swapped: (offer, model, previousVersion) => announcer.swapped(offer, model, previousVersion),
    rejected: (offer, error) => announcer.rejected(offer, error),
    traced: inSwapSpan(tracer, replica.name),
    retryDelay: (attempt, error) => (signal.aborted ? undefined : loadRetryDelay(attempt, error)),
    sleep: (ms) => sleep(ms, undefined, { signal }).catch(() => undefined),
    logger,
  });
  kit.onStop((stopSignal) => captures.stop(stopSignal), { name: 'captures' });
  kit.onStop(() => announcer.settled(), { name: 'announcements' });
  kit.onStop(() => models.close(), { name: 'models' });
  kit.onStop(() => plugins.close(), { name: 'plug-ins', phase: 'drained' });
  await followPromotions({
    bus,
    swapper,
    expect: (model) => models.expect(model),
    startWaitMs: 15_000,
    signal,
    onLost: (error) => {
      logger.error({ err: error }, 'the stream of promotions is lost');
      kit.stop('the stream of promotions is lost', 1);
    },
  });
  const callOff = warmWhenIdle({
    // The backend on which compiled networks are held to TensorFlow.js.
    warm: () => warmUpPredictor('cpu'),
    served: () => models.list().length > 0,
    afterMs: warmUpAfterMs,
    logger,
  });
  kit.onStop(callOff, { name: 'warm-up' });
}
