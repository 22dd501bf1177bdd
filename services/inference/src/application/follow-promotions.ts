import { events } from '@rookery/contracts';
import type { EventType } from '@rookery/contracts';
import type { Bus, BusEvent, Replay } from '@rookery/bus';
import type { ModelPromoted, ModelRolledBack } from '@rookery/proto/rookery/events/v1/model';

import { promotionOf } from '../domain/promotion.js';
import type { AliasMove } from '../domain/promotion.js';
import type { Offer, Swapper } from './swapper.js';

/** What following works with. */
export interface FollowParts {
  readonly bus: Pick<Bus, 'replay'>;
  readonly swapper: Swapper;
  /** Told each model that will be loaded. */
  readonly expect: (model: string) => void;
  /** Longest time that the start waits for the models to load, ms; they go on loading after it. */
  readonly startWaitMs: number;
  readonly signal: AbortSignal;
  /** The stream can not be followed any more. */
  readonly onLost: (error: unknown) => void;
}

/** Earlier promotions that are tried where the last one of a model is refused at start. */
const mostFallbacks = 5;

/**
 * Serves the last promotion (or rollback: the higher alias revision) of each model, then follows both kinds of event
 * live. Resolves when the models of the start serve or are refused. Each replica reads for itself, without a durable
 * consumer, so that every replica sees every promotion; it needs nothing but the stream and the artifacts.
 *
 * The start reads all moves, not the last message of each model: an event that was published again, long after it first
 * was, is the last message then, and its version would serve again.
 */
export async function followPromotions(parts: FollowParts): Promise<void> {
  const { bus, swapper } = parts;
  const [promoted, rolledBack] = await Promise.all([
    movesOf<ModelPromoted>(bus, events.modelPromoted, parts.signal),
    movesOf<ModelRolledBack>(bus, events.modelRolledBack, parts.signal),
  ]);
  const offers = sorted([...promoted.offers, ...rolledBack.offers]);
  const models = new Set(offers.map((offer) => offer.promotion.model));

  const bring = async (model: string): Promise<void> => {
    const [first, ...others] = offers.filter((offer) => offer.promotion.model === model);
    if (first === undefined) return;
    parts.expect(model);
    if ((await swapper.offer(first)) !== 'refused') return;
    for (const offer of others.filter((other) => isOlder(other, first)).slice(0, mostFallbacks)) {
      if ((await swapper.offer(offer, { fallback: true })) !== 'refused') return;
    }
  };

  const onEvent = (event: BusEvent<AliasMove>): void => {
    const offer = offerOf(event);
    if (offer === undefined) return;
    parts.expect(offer.promotion.model);
    void swapper.offer(offer);
  };
  const starting = Promise.all([...models].map(bring));
  const live = await Promise.all([
    bus.replay<ModelPromoted>(events.modelPromoted, {
      fromSequence: promoted.lastSequence + 1,
      onEvent,
      untilCaughtUp: false,
      signal: parts.signal,
    }),
    bus.replay<ModelRolledBack>(events.modelRolledBack, {
      fromSequence: rolledBack.lastSequence + 1,
      onEvent,
      untilCaughtUp: false,
      signal: parts.signal,
    }),
  ]);
  watch(live, parts);
  await Promise.all(live.map((replay) => replay.caughtUp));
  let timer: NodeJS.Timeout | undefined;
  const enough = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, parts.startWaitMs);
  });
  await Promise.race([starting, enough]);
  clearTimeout(timer);
}

function watch(live: readonly Replay[], parts: FollowParts): void {
  for (const replay of live) {
    replay.done.then(
      () => {
        if (!parts.signal.aborted) parts.onLost(new Error('the stream of promotions ended'));
      },
      (error: unknown) => parts.onLost(error),
    );
  }
}

function offerOf(event: BusEvent<AliasMove>): Offer | undefined {
  const promotion = promotionOf(event.data);
  return promotion === undefined ? undefined : { promotion, cause: event };
}

/** Newest first. */
function sorted(offers: readonly Offer[]): Offer[] {
  return [...offers].sort((a, b) => b.promotion.aliasRevision - a.promotion.aliasRevision);
}

function isOlder(offer: Offer, than: Offer): boolean {
  return offer.promotion.aliasRevision < than.promotion.aliasRevision;
}

/** The newest moves of the alias champion of each model, each revision once, and how far the log was read. */
async function movesOf<T extends AliasMove>(
  bus: Pick<Bus, 'replay'>,
  type: EventType<T>,
  signal: AbortSignal,
): Promise<{ offers: Offer[]; lastSequence: number }> {
  const offers = new Map<string, Map<number, Offer>>();
  let lastSequence = 0;
  const replay = await bus.replay(type, {
    onEvent: (event) => {
      lastSequence = event.sequence;
      const offer = offerOf(event);
      if (offer === undefined) return;
      const { model, aliasRevision } = offer.promotion;
      const known = offers.get(model) ?? new Map<number, Offer>();
      offers.set(model, known);
      if (known.has(aliasRevision)) return;
      known.set(aliasRevision, offer);
      // However many moves there were, no more than these are ever looked at.
      if (known.size > mostFallbacks + 1) known.delete(Math.min(...known.keys()));
    },
    untilCaughtUp: true,
    signal,
  });
  await replay.done;
  return { offers: [...offers.values()].flatMap((known) => [...known.values()]), lastSequence };
}
