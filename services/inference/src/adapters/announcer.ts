import { setTimeout as sleep } from 'node:timers/promises';

import { derivedEventId, events, RetryableError, toRookeryError } from '@rookery/contracts';
import type { RookeryError } from '@rookery/contracts';
import type { Bus, Logger } from '@rookery/bus';
import { RejectionStage } from '@rookery/proto/rookery/events/v1/model';

import type { LoadedModel } from '../domain/loaded-model.js';
import type { Offer } from '../application/swapper.js';
import { currentTraceparent } from './swap-span.js';

/** Tells the world what this replica did with a promotion. */
export interface Announcer {
  swapped(offer: Offer, model: LoadedModel, previousVersion: number): void;
  rejected(offer: Offer, error: RookeryError): void;
  /** Resolves when all has been sent. */
  settled(): Promise<void>;
}

/**
 * Publishes `ml.inference.swapped` and `ml.model.rejected` in order, without anybody waiting for it; tries until the
 * bus has them or `signal` aborts. Event ids come from the replica's life and the alias revision: sent twice is once.
 */
export function createAnnouncer(
  bus: Pick<Bus, 'publish'>,
  replica: { name: string; life: string },
  clock: () => number,
  logger: Logger,
  signal: AbortSignal,
): Announcer {
  let queue: Promise<void> = Promise.resolve();

  const enqueue = (what: string, send: () => Promise<unknown>): void => {
    queue = queue.then(async () => {
      for (;;) {
        try {
          await send();
          return;
        } catch (error) {
          const problem = toRookeryError(error);
          const again = problem instanceof RetryableError && !signal.aborted;
          logger[again ? 'warn' : 'error'](
            { err: problem, event: what },
            again ? 'an event could not be published, trying again' : 'an event could not be published',
          );
          if (!again) return;
          await sleep(1_000, undefined, { signal }).catch(() => undefined);
        }
      }
    });
  };

  const optionsOf = (
    type: string,
    offer: Offer,
  ): { id: string; cause: Offer['cause']; traceparent?: string; time: Date } => {
    const { model, aliasRevision } = offer.promotion;
    const traceparent = currentTraceparent() ?? offer.cause.traceparent;
    return {
      id: derivedEventId(type, replica.life, model, String(aliasRevision)),
      cause: offer.cause,
      time: new Date(clock()),
      ...(traceparent === undefined ? {} : { traceparent }),
    };
  };

  return {
    swapped(offer, model, previousVersion) {
      const { promotion } = offer;
      const publishedToServingMs =
        promotion.requestedAtMs > 0 ? Math.max(0, clock() - promotion.requestedAtMs) : 0;
      logger.info(
        {
          model: model.name,
          version: model.version,
          previous_version: previousVersion,
          alias_revision: model.aliasRevision,
          run_id: model.runId,
          engine: model.engine,
          backend: model.backend,
          load_ms: model.loadMs,
          warmup_ms: model.warmupMs,
          published_to_serving_ms: publishedToServingMs,
        },
        'a model version serves',
      );
      const data = {
        model: model.name,
        version: model.version,
        previousVersion,
        aliasRevision: model.aliasRevision,
        replica: replica.name,
        runId: model.runId,
        loadMs: model.loadMs,
        warmupMs: model.warmupMs,
        publishedToServingMs,
        engine: model.engine,
        backend: model.backend,
      };
      const options = optionsOf(events.inferenceSwapped.type, offer);
      enqueue(events.inferenceSwapped.type, () =>
        bus.publish(events.inferenceSwapped, model.name, data, options),
      );
    },
    rejected(offer, error) {
      const { promotion } = offer;
      logger.error(
        {
          err: error,
          model: promotion.model,
          version: promotion.version,
          alias_revision: promotion.aliasRevision,
        },
        'a model version is refused; the one before keeps serving',
      );
      const data = {
        model: promotion.model,
        version: promotion.version,
        runId: promotion.runId,
        stage: RejectionStage.REJECTION_STAGE_SERVING,
        code: error.code,
        reasons: [error.message],
        verdict: undefined,
        replica: replica.name,
      };
      const options = optionsOf(events.modelRejected.type, offer);
      enqueue(events.modelRejected.type, () =>
        bus.publish(events.modelRejected, promotion.model, data, options),
      );
    },
    settled: () => queue,
  };
}
