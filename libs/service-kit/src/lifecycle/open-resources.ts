import { join } from 'node:path';
import type { ArtifactStore } from '@rookery/artifacts';
import type { Bus, Outbox } from '@rookery/bus';
import { errorCodes, isErrorCode } from '@rookery/contracts';
import type { Store } from '@rookery/store';
import { redactUrl } from '@rookery/telemetry';
import type { Logger } from '@rookery/telemetry';
import type { CoreConfig } from '../config/load-config.js';
import { connectWithRetry } from './connect-with-retry.js';

/** What a service uses. */
export interface ResourceNeeds {
  bus: boolean;
  store: boolean;
  artifacts: boolean;
}

/** What was opened; a field is absent if the service does not use it. */
export interface Resources {
  bus?: Bus;
  outbox?: Outbox;
  store?: Store;
  artifacts?: ArtifactStore;
}

/** Waiting does not mend what the error table calls final: streams that do not fit, damaged data, a bad URL. */
function isTransient(error: unknown): boolean {
  const code = String((error as { code?: unknown }).code);
  return !isErrorCode(code) || errorCodes[code].retryable;
}

/**
 * Opens bus (with its streams), store and artifacts at once, waiting for servers that are not up yet. Each library is
 * loaded only if it is used. What was opened is put into `opened` as soon as it is there, so that a caller whose start
 * fails can close it. Throws a `ServiceExitError` if something stays away.
 */
export async function openResources(
  name: string,
  needs: ResourceNeeds,
  config: CoreConfig,
  logger: Logger,
  opened: Resources,
  signal: AbortSignal,
): Promise<void> {
  const timeoutMs = config.ROOKERY_CONNECT_TIMEOUT_MS;
  const retry = { timeoutMs, logger, signal, isTransient };

  const openBus = async (): Promise<void> => {
    const { connectBus, createOutbox, loginFromEnvironment } = await import('@rookery/bus');
    const nats = {
      name: 'NATS',
      address: redactUrl(config.ROOKERY_NATS_URL),
      ...retry,
      hint: 'Start a NATS server with JetStream there, or set ROOKERY_NATS_URL',
    };
    // The bus waits and logs by itself while no server answers; here only the last word is said.
    const bus = await connectWithRetry(
      () =>
        connectBus({
          url: config.ROOKERY_NATS_URL,
          login: loginFromEnvironment(config as unknown as Record<string, string | undefined>),
          name,
          logger,
          streamReplicas: config.ROOKERY_STREAM_REPLICAS,
          ackWaitMs: config.ROOKERY_ACK_WAIT_MS,
          connectDeadlineMs: timeoutMs,
        }),
      { ...nats, timeoutMs: 0 },
    );
    opened.bus = bus;
    opened.outbox = createOutbox(bus);
    await connectWithRetry(() => bus.ensureTopology(), nats);
  };
  const openStore = async (): Promise<void> => {
    const store = await import('@rookery/store');
    opened.store = await connectWithRetry(
      () =>
        store.openStore({
          mongodbUrl: config.MONGODB_URL,
          directory: join(config.ROOKERY_DATA_DIR, 'store'),
          database: name,
        }),
      config.MONGODB_URL === undefined
        ? {
            name: 'The embedded store',
            address: join(config.ROOKERY_DATA_DIR, 'store'),
            ...retry,
            hint: 'Check ROOKERY_DATA_DIR',
          }
        : {
            name: 'MongoDB',
            address: redactUrl(config.MONGODB_URL),
            ...retry,
            hint: 'Start MongoDB, or check MONGODB_URL',
          },
    );
  };
  const openArtifacts = async (): Promise<void> => {
    const [artifacts] = await Promise.all([import('@rookery/artifacts'), busReady]);
    const nc = opened.bus?.nc;
    opened.artifacts = await connectWithRetry(
      () =>
        artifacts.openArtifacts({ url: config.ROOKERY_ARTIFACTS_URL, ...(nc === undefined ? {} : { nc }) }),
      {
        name: 'The artifact store',
        address: redactUrl(config.ROOKERY_ARTIFACTS_URL),
        ...retry,
        hint: 'Check ROOKERY_ARTIFACTS_URL',
      },
    );
  };

  const busReady = needs.bus ? openBus() : Promise.resolve();
  const results = await Promise.allSettled([
    busReady,
    needs.store ? openStore() : undefined,
    needs.artifacts ? openArtifacts() : undefined,
  ]);
  const failed = results.find((result) => result.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
}
