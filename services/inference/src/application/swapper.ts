import { RetryableError, TerminalError, toRookeryError } from '@rookery/contracts';
import type { RookeryError } from '@rookery/contracts';
import type { EventMeta, Logger } from '@rookery/bus';

import type { LoadedModel } from '../domain/loaded-model.js';
import type { Promotion } from '../domain/promotion.js';
import type { ServedModels } from '../domain/served-models.js';

/** A promotion and the event that brought it. */
export interface Offer {
  readonly promotion: Promotion;
  readonly cause: EventMeta;
}

/** What became of a promotion: it serves; it was refused; or it was not newer, or overtaken by a newer one. */
export type SwapOutcome = 'serving' | 'refused' | 'skipped';

/** What the swapper works with. */
export interface SwapperParts {
  readonly models: ServedModels<LoadedModel>;
  /** Fetches, checks, builds and warms up; a rejection refuses the promotion, unless it is retryable. */
  readonly load: (promotion: Promotion) => Promise<LoadedModel>;
  readonly swapped: (offer: Offer, model: LoadedModel, previousVersion: number) => void;
  readonly rejected: (offer: Offer, error: RookeryError) => void;
  /** Runs the swap in its span. */
  readonly traced: (offer: Offer, run: () => Promise<SwapOutcome>) => Promise<SwapOutcome>;
  /** Pause before attempt `attempt` + 1, ms; undefined: give up. */
  readonly retryDelay: (attempt: number, error: RookeryError) => number | undefined;
  readonly sleep: (ms: number) => Promise<void>;
  readonly logger: Logger;
}

/** Brings promotions into service. */
export interface Swapper {
  /**
   * Loads the promotion and makes it current, in the order of alias revisions: one at a time for a model, and only the
   * newest of those that wait. A promotion that is not newer than all seen before is skipped, unless it is a
   * `fallback` from a refused one. Never rejects.
   */
  offer(offer: Offer, options?: { fallback?: boolean }): Promise<SwapOutcome>;
}

interface Lane {
  newest: number;
  running: boolean;
  next: { offer: Offer; resolve: (outcome: SwapOutcome) => void } | undefined;
}

/** A swapper with nothing under way. */
export function createSwapper(parts: SwapperParts): Swapper {
  const lanes = new Map<string, Lane>();

  const attempt = async (offer: Offer, lane: Lane): Promise<SwapOutcome> => {
    const { promotion } = offer;
    const overtaken = (): boolean =>
      (lane.next?.offer.promotion.aliasRevision ?? 0) > promotion.aliasRevision;
    for (let tries = 1; ; tries += 1) {
      const serving = parts.models.current(promotion.model);
      if (overtaken() || (serving?.aliasRevision ?? 0) >= promotion.aliasRevision) return 'skipped';
      try {
        const model = await parts.load(promotion);
        if (!parts.models.swap(model)) return 'skipped';
        parts.swapped(offer, model, serving?.version ?? 0);
        return 'serving';
      } catch (thrown) {
        const error = asLoadError(thrown);
        const delay = parts.retryDelay(tries, error);
        if (delay === undefined) {
          parts.rejected(offer, error);
          return 'refused';
        }
        parts.logger.warn(
          { err: error, model: promotion.model, version: promotion.version, attempt: tries },
          'a model could not be fetched, trying again',
        );
        await parts.sleep(delay);
      }
    }
  };

  const run = async (lane: Lane): Promise<void> => {
    while (lane.next !== undefined) {
      const { offer, resolve } = lane.next;
      lane.next = undefined;
      let outcome: SwapOutcome = 'refused';
      try {
        outcome = await parts.traced(offer, () => attempt(offer, lane));
      } catch (error) {
        parts.logger.error({ err: error, model: offer.promotion.model }, 'a swap failed unexpectedly');
      }
      resolve(outcome);
    }
    lane.running = false;
  };

  return {
    offer(offer, options = {}) {
      const { model, aliasRevision } = offer.promotion;
      const lane: Lane = lanes.get(model) ?? { newest: 0, running: false, next: undefined };
      lanes.set(model, lane);
      if (options.fallback === true) {
        if (lane.running) return Promise.resolve('skipped');
      } else if (aliasRevision <= lane.newest) {
        return Promise.resolve('skipped');
      }
      lane.newest = Math.max(lane.newest, aliasRevision);
      lane.next?.resolve('skipped');
      return new Promise((resolve) => {
        lane.next = { offer, resolve };
        if (lane.running) return;
        lane.running = true;
        void run(lane);
      });
    },
  };
}

/** An error without a code of the table, met while loading, means that the package is not what it should be. */
function asLoadError(thrown: unknown): RookeryError {
  const error = toRookeryError(thrown);
  if (error.code !== 'RK_HANDLER_FAILED') return error;
  return new TerminalError('RK_MODEL_CORRUPT', `The model package can not be loaded: ${error.message}`, {
    cause: thrown,
  });
}

/**
 * Retries what is transient, about a minute in all: 100 ms, 200 ms … 5 s apart. An artifact that is not found is
 * looked for three times, since a replicated store may be a moment behind.
 */
export function loadRetryDelay(attempt: number, error: RookeryError): number | undefined {
  const attempts = error instanceof RetryableError ? 18 : error.code === 'RK_ARTIFACT_NOT_FOUND' ? 3 : 1;
  return attempt >= attempts ? undefined : Math.min(5_000, 100 * 2 ** (attempt - 1));
}
