import { createRandom, deriveSeed } from '@rookery/tabular';

import { refuseSearch } from './search-fault.js';

/** Values that one searched setting may take. */
export type Dimension =
  | { readonly kind: 'choice'; readonly values: readonly unknown[] }
  | { readonly kind: 'integer'; readonly low: number; readonly high: number; readonly log: boolean }
  | { readonly kind: 'real'; readonly low: number; readonly high: number; readonly log: boolean };

/** A searched setting: where it stands in the request, and its values. */
export interface SearchedSetting {
  /** As the user wrote it, for messages. */
  readonly name: string;
  readonly path: readonly (string | number)[];
  readonly dimension: Dimension;
}

/** The settings of a search, ordered by name, so that the order in which they were written decides nothing. */
export type SearchSpace = readonly SearchedSetting[];

/** One value for each setting, in the order of the space. */
export type Point = readonly unknown[];

/** Parts of the request that may be searched; what identifies the data or judges the result may not. */
const searchable = {
  modelSpec: 'modelSpec',
  model_spec: 'modelSpec',
  preprocessing: 'preprocessing',
  epochs: 'epochs',
  batchSize: 'batchSize',
  batch_size: 'batchSize',
  learningRate: 'learningRate',
  learning_rate: 'learningRate',
} as const;

const forbidden = new Set(['__proto__', 'constructor', 'prototype']);
const mostSettings = 32;
const mostValues = 1_000;

/**
 * Reads a space: `{"learningRate": {"logUniform": [0.001, 0.1]}, "modelSpec.layers[0].units": [8, 16, 32]}`. A list is a
 * choice of any values; `uniform` and `logUniform` are real numbers, `int` and `logInt` whole ones, both ends included.
 * Throws RK_SEARCH_INVALID naming the setting that is empty, unknown, twice there, or can't be read.
 */
export function parseSearchSpace(value: unknown): SearchSpace {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    refuseSearch('space', 'must be an object of settings and their values');
  }
  const entries = Object.entries(value);
  if (entries.length === 0)
    refuseSearch('space', 'is empty', 'Name at least one setting, such as "learningRate": [0.01, 0.1].');
  if (entries.length > mostSettings)
    refuseSearch('space', `has ${entries.length} settings, more than ${mostSettings}`);
  const space = entries
    .map(([name, given]) => ({ name, path: parsePath(name), dimension: parseDimension(name, given) }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  refuseOverlap(space);
  return space;
}

/** Number of points of a space; Infinity where a setting is a real number. */
export function spaceSize(space: SearchSpace): number {
  return space.reduce((size, { dimension }) => size * valuesOf(dimension), 1);
}

function valuesOf(dimension: Dimension): number {
  if (dimension.kind === 'choice') return dimension.values.length;
  return dimension.kind === 'integer' ? dimension.high - dimension.low + 1 : Number.POSITIVE_INFINITY;
}

/** The point with this number of a finite space; the last setting changes fastest. */
export function gridPoint(space: SearchSpace, index: number): Point {
  let rest = index;
  const point: unknown[] = [];
  for (const { dimension } of [...space].reverse()) {
    const count = valuesOf(dimension);
    const at = rest % count;
    rest = Math.floor(rest / count);
    if (dimension.kind === 'choice') point.push(dimension.values[at]);
    else point.push(dimension.low + at);
  }
  return point.reverse();
}

/** The point of a trial: it depends on the space, the seed and the trial's number alone. */
export function randomPoint(space: SearchSpace, seed: number, trial: number): Point {
  return space.map(({ name, dimension }) => {
    const random = createRandom(deriveSeed(seed, 'trial', trial, name));
    if (dimension.kind === 'choice') return dimension.values[random.integer(dimension.values.length)];
    const { low, high, log } = dimension;
    if (dimension.kind === 'integer') {
      if (!log) return low + random.integer(high - low + 1);
      // Each whole number gets the share of the logarithmic scale from half below to half above it.
      const drawn = Math.round(Math.exp(random.uniform(Math.log(low - 0.5), Math.log(high + 0.5))));
      return Math.min(high, Math.max(low, drawn));
    }
    if (!log) return random.uniform(low, high);
    return Math.min(high, Math.max(low, Math.exp(random.uniform(Math.log(low), Math.log(high)))));
  });
}

function parsePath(name: string): (string | number)[] {
  const path: (string | number)[] = [];
  const pattern = /(?:^|\.)([A-Za-z_][A-Za-z0-9_ -]*)|\[(\d{1,4})\]/gy;
  let end = 0;
  for (let part = pattern.exec(name); part !== null; part = pattern.exec(name)) {
    path.push(part[1] ?? Number(part[2]));
    end = pattern.lastIndex;
  }
  const root = path[0];
  if (end !== name.length || typeof root !== 'string' || path.some((part) => forbidden.has(String(part)))) {
    refuseSearch(`space.${name}`, 'is no path, such as modelSpec.layers[0].units');
  }
  const known = Object.hasOwn(searchable, root) ? searchable[root as keyof typeof searchable] : undefined;
  if (known === undefined) {
    refuseSearch(
      `space.${name}`,
      `can't be searched: a path begins with ${[...new Set(Object.values(searchable))].join(', ')}`,
    );
  }
  return [known, ...path.slice(1)];
}

function parseDimension(name: string, given: unknown): Dimension {
  const field = `space.${name}`;
  if (Array.isArray(given)) return choice(field, given);
  if (typeof given !== 'object' || given === null)
    refuseSearch(field, 'must be a list of values or a range such as {"uniform": [0, 1]}');
  const [entry, ...more] = Object.entries(given);
  if (entry === undefined || more.length > 0)
    refuseSearch(field, 'must have exactly one of choice, uniform, logUniform, int, logInt');
  const [kind, ends] = entry as [string, unknown];
  if (kind === 'choice') return choice(field, ends);
  const kinds: Record<string, { kind: 'integer' | 'real'; log: boolean }> = {
    uniform: { kind: 'real', log: false },
    logUniform: { kind: 'real', log: true },
    int: { kind: 'integer', log: false },
    logInt: { kind: 'integer', log: true },
  };
  const range = Object.hasOwn(kinds, kind) ? kinds[kind] : undefined;
  if (range === undefined)
    refuseSearch(`${field}.${kind}`, `is not known; there are choice, ${Object.keys(kinds).join(', ')}`);
  if (!Array.isArray(ends) || ends.length !== 2 || !ends.every((end) => Number.isFinite(end)))
    refuseSearch(`${field}.${kind}`, 'must be two finite numbers, the lowest and the highest');
  const [low, high] = ends as [number, number];
  if (low > high) refuseSearch(`${field}.${kind}`, `is an empty range: ${low} is more than ${high}`);
  if (range.kind === 'integer' && !(Number.isSafeInteger(low) && Number.isSafeInteger(high)))
    refuseSearch(`${field}.${kind}`, 'must have whole numbers as its ends');
  if (range.kind === 'integer' && high - low >= 2 ** 32)
    refuseSearch(`${field}.${kind}`, 'is wider than 2^32 values');
  if (range.log && low <= 0)
    refuseSearch(`${field}.${kind}`, `must begin above 0: a logarithmic scale has no ${low}`);
  return { kind: range.kind, low, high, log: range.log };
}

function choice(field: string, values: unknown): Dimension {
  if (!Array.isArray(values) || values.length === 0)
    refuseSearch(field, 'is empty', 'Give at least one value.');
  if (values.length > mostValues)
    refuseSearch(field, `has ${values.length} values, more than ${mostValues}; use int or uniform`);
  if (new Set(values.map((value) => JSON.stringify(value))).size < values.length)
    refuseSearch(field, 'has the same value twice');
  return { kind: 'choice', values };
}

/** Of two settings where one is inside the other, the order would decide what is trained. */
function refuseOverlap(space: SearchSpace): void {
  for (const [i, a] of space.entries()) {
    for (const b of space.slice(i + 1)) {
      const length = Math.min(a.path.length, b.path.length);
      if (a.path.slice(0, length).every((part, k) => part === b.path[k]))
        refuseSearch(`space.${b.name}`, `sets what space.${a.name} sets as well`);
    }
  }
}
