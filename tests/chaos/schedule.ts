import { createRandom, deriveSeed } from '@rookery/tabular';
import type { Random } from '@rookery/tabular';

import type { Expectation } from './history.js';

/** Services that are struck. */
export const targets = [
  'ingest',
  'transform',
  'trainer',
  'evaluator',
  'registry',
  'inference',
  'monitor',
] as const;

/** Types of events that mark a stage of a run, and the services that act on them or have just acted. */
const stages = [
  { type: 'ml.dataset.ready', actors: ['ingest'] },
  { type: 'ml.dataset.ingested', actors: ['ingest', 'transform'] },
  { type: 'ml.run.started', actors: ['transform', 'evaluator', 'registry'] },
  { type: 'ml.job.fold', actors: ['transform', 'trainer'] },
  { type: 'ml.fold.trained', actors: ['trainer', 'evaluator'] },
  { type: 'ml.fold.evaluated', actors: ['evaluator', 'registry'] },
  { type: 'ml.run.evaluated', actors: ['evaluator', 'registry'] },
  { type: 'ml.model.registered', actors: ['registry', 'monitor'] },
  { type: 'ml.model.promoted', actors: ['registry', 'inference'] },
  { type: 'ml.run.completed', actors: ['registry'] },
  { type: 'ml.inference.swapped', actors: ['inference', 'monitor'] },
] as const;

/** What is done to the system. */
export type Fault =
  | { readonly kind: 'kill' | 'term'; readonly target: string }
  /** SIGSTOP, and SIGCONT later. */
  | { readonly kind: 'pause'; readonly target: string; readonly ms: number }
  /** All connections of the services to the broker break, and none is let in for a time. */
  | { readonly kind: 'cut'; readonly ms: number }
  | { readonly kind: 'delay'; readonly latencyMs: number; readonly ms: number }
  /** Every event that passes is published again at once, with the same message id. */
  | { readonly kind: 'repeat'; readonly ms: number }
  /** Every event that passes comes again somewhat later, out of order, as a message of its own. */
  | { readonly kind: 'redeliver'; readonly ms: number; readonly spreadMs: number }
  /** Events of earlier rounds come again, shuffled, as messages of their own. */
  | { readonly kind: 'late'; readonly count: number };

/** All kinds of faults. */
export const faultKinds = ['kill', 'term', 'pause', 'cut', 'delay', 'repeat', 'redeliver', 'late'] as const;
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
      allowWorse: random.integer(2) === 0,
    };
  });
  const sound = datasets.filter(({ kind }) => expectationOf[kind] === 'completed');
  const jobs = sound.reduce((sum, { folds }) => sum + folds + 1, 0);
  const strikes = Array.from({ length: 2 + random.integer(3) }, (): Strike => {
    const stage = pick(random, stages);
    const often = stage.type.startsWith('ml.fold.') || stage.type === 'ml.job.fold' ? jobs : sound.length;
    return {
      fault: pickFault(random, kinds, stage.actors),
      stage: stage.type,
      occurrence: 1 + random.integer(often),
      // Mostly in the midst of what the event sets off.
      afterMs: random.integer(random.integer(3) === 0 ? 300 : 25),
    };
  });
  return { round, datasets, strikes };
}

function pickFault(random: Random, kinds: readonly FaultKind[], actors: readonly string[]): Fault {
  const kind = pick(random, kinds);
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
    case 'repeat':
      return { kind, ms: 2_000 + random.integer(4_000) };
    case 'redeliver':
      return { kind, ms: 2_000 + random.integer(4_000), spreadMs: random.integer(3_000) };
    case 'late':
      return { kind, count: 20 + random.integer(60) };
  }
}

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
