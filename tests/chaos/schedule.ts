import { createRandom, deriveSeed } from '@rookery/tabular';
import type { Random } from '@rookery/tabular';

import type { Expectation } from './history.js';

/** Services that are struck; those without a database of their own run twice. */
export const targets = [
  'ingest',
  'transform',
  'trainer',
  'evaluator',
  'registry',
  'inference',
  'monitor',
  'trainer-2',
  'inference-2',
] as const;

/** Services with a database: the others have no disk that can be full. */
const storing = ['ingest', 'transform', 'evaluator', 'registry', 'monitor'] as const;

/** Types of events that mark a stage of a run, and the services that act on them or have just acted. */
export const stages = [
  { type: 'ml.dataset.ready', actors: ['ingest'] },
  { type: 'ml.dataset.ingested', actors: ['ingest', 'transform'] },
  { type: 'ml.run.started', actors: ['transform', 'evaluator', 'registry'] },
  { type: 'ml.job.fold', actors: ['transform', 'trainer', 'trainer-2'] },
  { type: 'ml.fold.trained', actors: ['trainer', 'trainer-2', 'evaluator'] },
  { type: 'ml.fold.evaluated', actors: ['evaluator', 'registry'] },
  { type: 'ml.run.evaluated', actors: ['evaluator', 'registry'] },
  { type: 'ml.model.registered', actors: ['registry', 'monitor'] },
  { type: 'ml.model.promoted', actors: ['registry', 'inference', 'inference-2'] },
  { type: 'ml.run.completed', actors: ['registry'] },
  { type: 'ml.inference.swapped', actors: ['inference', 'inference-2', 'monitor'] },
] as const;

/** What is done to the system. */
export type Fault =
  | { readonly kind: 'kill' | 'term'; readonly target: string }
  /** SIGSTOP, and SIGCONT later. */
  | { readonly kind: 'pause'; readonly target: string; readonly ms: number }
  /** All connections of the services to the broker break, and none is let in for a time. */
  | { readonly kind: 'cut'; readonly ms: number }
  | { readonly kind: 'delay'; readonly latencyMs: number; readonly ms: number }
  /** A share of the acknowledgements of deliveries and of publishes does not come through. */
  | { readonly kind: 'lose-acks'; readonly share: number; readonly ms: number }
  /** Each delivery comes later by a delay of its own, so that they overtake each other. */
  | { readonly kind: 'reorder'; readonly spreadMs: number; readonly ms: number }
  /** Every event that passes is published again at once, with the same message id. */
  | { readonly kind: 'repeat'; readonly ms: number }
  /** Every event that passes comes again somewhat later, out of order, as a message of its own. */
  | { readonly kind: 'redeliver'; readonly ms: number; readonly spreadMs: number }
  /** Events of earlier rounds come again, shuffled, as messages of their own. */
  | { readonly kind: 'late'; readonly count: number }
  /** The wall clock of a service is set, and stays so until it is set again. */
  | { readonly kind: 'skew'; readonly target: string; readonly clockMs: number }
  /** Nothing more can be written to the database of a service. */
  | { readonly kind: 'disk-full'; readonly target: string; readonly ms: number }
  /** The broker has no room for another message. */
  | { readonly kind: 'broker-full'; readonly ms: number }
  /** So many callers move the champion at the same time, some of them back. */
  | { readonly kind: 'race'; readonly callers: number; readonly times: number };

/** All kinds of faults. */
export const faultKinds = [
  'kill',
  'term',
  'pause',
  'cut',
  'delay',
  'lose-acks',
  'reorder',
  'repeat',
  'redeliver',
  'late',
  'skew',
  'disk-full',
  'broker-full',
  'race',
] as const;
export type FaultKind = (typeof faultKinds)[number];

/** When a fault strikes: once the stage was seen so often in this round, and a moment later. */
export interface Strike {
  readonly fault: Fault;
  readonly stage: string;
  readonly occurrence: number;
  readonly afterMs: number;
}

/** A data set of a round. */
export interface PlannedDataset {
  readonly kind: 'good' | 'worse' | 'shuffled' | 'no-target' | 'bad-spec';
  readonly model: string;
  readonly afterMs: number;
  readonly folds: number;
  readonly seed: number;
  readonly allowWorse: boolean;
}

/** Everything that a round does. */
export interface RoundPlan {
  readonly round: number;
  readonly datasets: readonly PlannedDataset[];
  readonly strikes: readonly Strike[];
}

/** How the content of a data set must end. */
export const expectationOf: Readonly<Record<PlannedDataset['kind'], Expectation>> = {
  good: 'completed',
  worse: 'completed',
  shuffled: 'gate-rejected',
  'no-target': 'dataset-rejected',
  'bad-spec': 'failed',
};

const laterKinds: readonly PlannedDataset['kind'][] = [
  'good',
  'worse',
  'worse',
  'shuffled',
  'no-target',
  'bad-spec',
];

/** The plan of a round: the same seed and number give the same one, whatever rounds came before. */
export function planRound(seed: number, round: number, kinds: readonly FaultKind[] = faultKinds): RoundPlan {
  const random = createRandom(deriveSeed(seed, `chaos round ${round}`));
  const datasets = Array.from({ length: 1 + random.integer(3) }, (_, k): PlannedDataset => {
    const kind = k === 0 ? 'good' : pick(random, laterKinds);
    return {
      kind,
      model: random.integer(4) === 0 ? 'beta' : 'alpha',
      afterMs: random.integer(900),
      folds: 2 + random.integer(4),
      seed: random.integer(1_000_000),
      // The first one always comes to the last stage, so that every stage is met in every round.
      allowWorse: k === 0 || random.integer(2) === 0,
    };
  });
  const sound = datasets.filter(({ kind }) => expectationOf[kind] === 'completed');
  const strikes = pairsOf(seed, round, kinds).map(([stage, kind]): Strike => {
    return {
      fault: faultOf(random, kind, stage.actors),
      stage: stage.type,
      occurrence: 1 + random.integer(oftenOf(stage.type, sound)),
      // Mostly in the midst of what the event sets off.
      afterMs: random.integer(random.integer(3) === 0 ? 300 : 25),
    };
  });
  return { round, datasets, strikes };
}

/** How often a stage comes in a round at least. */
function oftenOf(type: (typeof stages)[number]['type'], sound: readonly PlannedDataset[]): number {
  const folds = sound.reduce((sum, dataset) => sum + dataset.folds, 0);
  // Only the first is sure to be promoted.
  if (type === 'ml.model.promoted' || type === 'ml.inference.swapped') return 1;
  if (type === 'ml.fold.evaluated') return folds;
  // The final model is a job too.
  return type === 'ml.job.fold' || type === 'ml.fold.trained' ? folds + sound.length : sound.length;
}

const strikesOfRound = 4;

/**
 * The stages and kinds of fault of a round. All pairs are dealt out in a shuffled order before any comes again: 14 kinds
 * at 11 stages are through after 39 rounds.
 */
function pairsOf(
  seed: number,
  round: number,
  kinds: readonly FaultKind[],
): (readonly [(typeof stages)[number], FaultKind])[] {
  const all = stages.flatMap((stage) => kinds.map((kind) => [stage, kind] as const));
  const dealt = (card: number): readonly [(typeof stages)[number], FaultKind] => {
    const deal = Math.floor(card / all.length);
    const deck = createRandom(deriveSeed(seed, `chaos deal ${deal}`)).shuffle([...all]);
    return deck[card % all.length] ?? pick(createRandom(deriveSeed(seed, 'chaos')), all);
  };
  const first = Math.max(0, round - 1) * strikesOfRound;
  return Array.from({ length: strikesOfRound }, (_, k) => dealt(first + k));
}

function faultOf(random: Random, kind: FaultKind, actors: readonly string[]): Fault {
  const target = pick(random, [
    'nats-server',
    pick(random, targets),
    pick(random, actors),
    pick(random, actors),
  ]);
  switch (kind) {
    case 'kill':
    case 'term':
      return { kind, target };
    case 'pause':
      return { kind, target, ms: 500 + random.integer(3_000) };
    case 'cut':
      return { kind, ms: random.integer(2_500) };
    case 'delay':
      return { kind, latencyMs: 10 + random.integer(150), ms: 1_000 + random.integer(3_000) };
    case 'lose-acks':
      return { kind, share: pick(random, [0.3, 0.6, 1]), ms: 500 + random.integer(2_500) };
    case 'reorder':
      return { kind, spreadMs: 50 + random.integer(450), ms: 1_500 + random.integer(2_500) };
    case 'repeat':
      return { kind, ms: 1_500 + random.integer(3_000) };
    case 'redeliver':
      return { kind, ms: 1_500 + random.integer(3_000), spreadMs: random.integer(2_000) };
    case 'late':
      return { kind, count: 20 + random.integer(60) };
    case 'skew': {
      const service = target === 'nats-server' ? pick(random, actors) : target;
      return { kind, target: service, clockMs: pick(random, clockSteps) };
    }
    case 'disk-full': {
      const among = storing.filter((name) => actors.includes(name));
      const service =
        random.integer(3) === 0 || among.length === 0 ? pick(random, storing) : pick(random, among);
      return { kind, target: service, ms: 500 + random.integer(3_500) };
    }
    case 'broker-full':
      return { kind, ms: 500 + random.integer(2_500) };
    case 'race':
      return { kind, callers: 2 + random.integer(7), times: 1 + random.integer(4) };
  }
}

const hour = 3_600_000;
/** From what NTP corrects to what a dead battery does. */
const clockSteps = [-24 * 30 * hour, -hour, -5_000, -250, 0, 250, 5_000, hour, 24 * 30 * hour] as const;

function pick<T>(random: Random, items: readonly T[]): T {
  const item = items[random.integer(items.length)];
  if (item === undefined) throw new Error('There is nothing to choose from.');
  return item;
}

/** A fault in words. */
export function describe({ fault, stage, occurrence, afterMs }: Strike): string {
  const { kind, ...rest } = fault;
  const details = Object.entries(rest).map(([name, value]) =>
    name === 'target' ? `${value}` : `${name} ${value}`,
  );
  return `${[kind, ...details].join(' ')} ${afterMs} ms after ${stage} #${occurrence}`;
}
