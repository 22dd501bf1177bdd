import { events } from '@rookery/contracts';
import type { Bus, BusEvent, Replay } from '@rookery/bus';
import type { ModelPromoted, ModelRolledBack } from '@rookery/proto/rookery/events/v1/model';

import { promotionOf } from '../domain/promotion.js';
import type { AliasMove } from '../domain/promotion.js';
import type { Offer, Swapper } from './swapper.js';

/** What following works with. */
export interface FollowParts {
  readonly bus: Pick<Bus, 'lastPerKey' | 'replay'>;
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
 */
export async function followPromotions(parts: FollowParts): Promise<void> {
  const { bus, swapper } = parts;
  const [promoted, rolledBack] = await Promise.all([
    bus.lastPerKey(events.modelPromoted),
    bus.lastPerKey(events.modelRolledBack),
  ]);
  const models = new Set<string>();
  for (const event of [...promoted, ...rolledBack]) models.add(event.data.model);

  const bring = async (model: string): Promise<void> => {
    const last = [...promoted, ...rolledBack].filter((event) => event.data.model === model);
    const certain = last.every((event) => offerOf(event) !== undefined);
    let offers = sorted(last.map(offerOf));
    if (!certain) offers = await historyOf(bus, model);
    const first = offers[0];
    if (first === undefined) return;
    parts.expect(model);
    if ((await swapper.offer(first)) !== 'refused') return;
    const earlier = (await historyOf(bus, model))
      .filter((offer) => isOlder(offer, first))
      .slice(0, mostFallbacks);
    for (const offer of earlier) {
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
      fromSequence: after(promoted),
      onEvent,
      untilCaughtUp: false,
      signal: parts.signal,
    }),
    bus.replay<ModelRolledBack>(events.modelRolledBack, {
      fromSequence: after(rolledBack),
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
function sorted(offers: readonly (Offer | undefined)[]): Offer[] {
  return offers
    .filter((offer): offer is Offer => offer !== undefined)
    .sort((a, b) => b.promotion.aliasRevision - a.promotion.aliasRevision);
}

function isOlder(offer: Offer, than: Offer): boolean {
  return offer.promotion.aliasRevision < than.promotion.aliasRevision;
}

/** All moves of the model's alias champion, newest first. */
async function historyOf(bus: Pick<Bus, 'replay'>, model: string): Promise<Offer[]> {
  const offers: (Offer | undefined)[] = [];
  const onEvent = (event: BusEvent<AliasMove>): void => void offers.push(offerOf(event));
  const replays = await Promise.all([
    bus.replay<ModelPromoted>(events.modelPromoted, { key: model, onEvent, untilCaughtUp: true }),
    bus.replay<ModelRolledBack>(events.modelRolledBack, { key: model, onEvent, untilCaughtUp: true }),
  ]);
  await Promise.all(replays.map((replay) => replay.done));
  return sorted(offers);
}

function after(events: readonly BusEvent<unknown>[]): number {
  return events.reduce((highest, event) => Math.max(highest, event.sequence), 0) + 1;
}
