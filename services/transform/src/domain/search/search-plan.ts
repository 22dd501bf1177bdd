import { TerminalError } from '@rookery/contracts';
import { createRandom, deriveSeed } from '@rookery/tabular';

import { refuseSearch } from './search-fault.js';
import { gridPoint, parseSearchSpace, randomPoint, spaceSize } from './search-space.js';
import type { Point, SearchSpace } from './search-space.js';

export const searchStrategies = ['grid', 'random', 'asha'] as const;
export type SearchStrategy = (typeof searchStrategies)[number];

/** A search, checked, every default filled in. */
export interface SearchPlan {
  readonly strategy: SearchStrategy;
  readonly space: SearchSpace;
  /** Points that are tried. */
  readonly trials: number;
  readonly seed: number;
  /** Trials under way at one time: bounds the jobs in the queue, so that other runs get their turn. */
  readonly parallel: number;
  /** Epochs of each rung, rising; one entry where nothing is halved. undefined: what the trial's request says. */
  readonly rungs: readonly number[] | undefined;
  /** Of the trials of a rung, one in eta goes on. */
  readonly eta: number;
}

/** Most trials of one search. */
export const mostTrials = 1_000;

/** A finite space up to this size is drawn from without repetition. */
const mostShuffled = 1_000_000;

const fields = ['strategy', 'space', 'trials', 'seed', 'parallel', 'eta', 'minEpochs', 'maxEpochs'];

/**
 * Checks the `search` of a request. Defaults: random with 20 trials; grid tries every point; 4 trials at one time; ASHA
 * halves by eta 3 from minEpochs (epochs / 9, at least 1) up to `epochs`. A finite space that has fewer points than trials
 * is tried whole. Throws RK_SEARCH_INVALID naming the field, RK_SEARCH_TOO_LARGE for a grid of more than 1,000 points.
 */
export function planSearch(
  value: unknown,
  given: { readonly seed: number; readonly epochs: number },
): SearchPlan {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    refuseSearch('space', 'is missing: a search must be an object with a space');
  const search = value as Record<string, unknown>;
  for (const key of Object.keys(search)) {
    if (!fields.includes(key)) refuseSearch(key, `is not known; there are ${fields.join(', ')}`);
  }
  const strategy = (search['strategy'] ?? 'random') as SearchStrategy;
  if (!searchStrategies.includes(strategy))
    refuseSearch(
      'strategy',
      `must be one of ${searchStrategies.join(', ')}, not ${JSON.stringify(strategy)}`,
    );
  const space = parseSearchSpace(search['space']);
  const whole = (name: string, fallback: number, least: number, most: number): number => {
    const number = search[name] ?? fallback;
    if (Number.isInteger(number) && (number as number) >= least && (number as number) <= most)
      return number as number;
    return refuseSearch(
      name,
      `must be a whole number from ${least} to ${most}, not ${JSON.stringify(number)}`,
    );
  };
  const size = spaceSize(space);
  const trials =
    strategy === 'grid'
      ? gridTrials(space, size, search)
      : Math.min(whole('trials', 20, 1, mostTrials), size);
  const eta = whole('eta', 3, 2, 16);
  if (strategy !== 'asha') {
    for (const name of ['eta', 'minEpochs', 'maxEpochs'])
      if (search[name] !== undefined) refuseSearch(name, `belongs to the strategy asha, not to ${strategy}`);
  } else if (space.some(({ path }) => path.at(-1) === 'epochs')) {
    refuseSearch('space', 'sets the epochs, which the strategy asha decides itself');
  }
  const maxEpochs = whole('maxEpochs', given.epochs, 1, 100_000);
  const minEpochs = whole('minEpochs', Math.max(1, Math.floor(maxEpochs / 9)), 1, maxEpochs);
  return {
    strategy,
    space,
    trials,
    seed: whole('seed', given.seed, 0, 2 ** 32 - 1),
    parallel: whole('parallel', 4, 1, 64),
    rungs: strategy === 'asha' ? rungEpochs(minEpochs, maxEpochs, eta) : undefined,
    eta,
  };
}

function gridTrials(space: SearchSpace, size: number, search: Readonly<Record<string, unknown>>): number {
  if (search['trials'] !== undefined)
    refuseSearch('trials', 'belongs to the strategies random and asha: a grid tries every point');
  const endless = space.find(({ dimension }) => dimension.kind === 'real');
  if (endless !== undefined)
    refuseSearch(
      `space.${endless.name}`,
      'has no end of values: give a grid a list, or use the strategy random',
    );
  if (size > mostTrials) {
    throw new TerminalError('RK_SEARCH_TOO_LARGE', `The grid has ${size} points, more than ${mostTrials}`, {
      details: { field: 'search.space', points: String(size) },
      hint: 'Use "strategy": "random" or "asha" with a number of trials, or leave out settings.',
    });
  }
  return size;
}

/** Epochs of the rungs: the last has all, each before it 1 / eta of the next, none less than the least. */
function rungEpochs(least: number, most: number, eta: number): number[] {
  const rungs: number[] = [];
  for (let epochs = most; epochs >= least; epochs = Math.ceil(epochs / eta)) {
    rungs.unshift(epochs);
    if (epochs === 1) break;
  }
  return rungs;
}

/** The point of a trial: it depends on the plan and the trial's number alone, so a search can go on anywhere. */
export function trialPoint(plan: SearchPlan, trial: number): Point {
  const { space, seed, strategy } = plan;
  if (strategy === 'grid') return gridPoint(space, trial);
  const size = spaceSize(space);
  // Without repetition every point is as likely as another, which a logarithmic scale does not want.
  const logarithmic = space.some(({ dimension }) => dimension.kind !== 'choice' && dimension.log);
  if (logarithmic || size > mostShuffled) return randomPoint(space, seed, trial);
  return gridPoint(space, shuffledAt(size, seed, trial));
}

/** Item `at` of the numbers below `size` shuffled by the seed, without keeping them all. */
function shuffledAt(size: number, seed: number, at: number): number {
  const random = createRandom(deriveSeed(seed, 'points'));
  const moved = new Map<number, number>();
  for (let i = 0; ; i++) {
    const j = i + random.integer(size - i);
    const drawn = moved.get(j) ?? j;
    if (i === at) return drawn;
    moved.set(j, moved.get(i) ?? i);
  }
}
