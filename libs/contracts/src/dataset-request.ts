import type { DatasetReady } from '@rookery/proto/rookery/events/v1/dataset';

import { TerminalError } from './errors.js';

/** Weights of the classes in training. */
export type ClassWeight = 'balanced' | Readonly<Record<string, number>>;

/** Columns that a request names for another purpose than to be features. */
export function reservedColumns(
  request: Pick<DatasetReady, 'ignore' | 'split' | 'sampleWeight'>,
): Set<string> {
  const reserved = new Set(request.ignore);
  for (const column of [request.split?.group, request.split?.time, request.sampleWeight]) {
    if (column !== undefined && column !== '') reserved.add(column);
  }
  return reserved;
}

/**
 * The class weights of a request; undefined where it gives none. Throws RK_WEIGHTS_INVALID for anything but "balanced" or
 * an object of labels and weights of at least 0.
 */
export function readClassWeight(value: unknown): ClassWeight | undefined {
  if (value === undefined || value === null) return undefined;
  if (value === 'balanced') return value;
  const fail = (label: string, given: unknown): never => {
    const shown = (JSON.stringify(given) ?? '').slice(0, 80);
    const field = label === '' ? 'class_weight' : `class_weight.${label}`;
    throw new TerminalError(
      'RK_WEIGHTS_INVALID',
      `${field} must be ${label === '' ? '"balanced" or an object of labels and weights' : 'a number of at least 0'}; it is ${shown}`,
      { details: { field, value: shown } },
    );
  };
  if (typeof value !== 'object' || Array.isArray(value)) return fail('', value);
  const entries = Object.entries(value as Record<string, unknown>);
  if (entries.length === 0) return fail('', value);
  for (const [label, weight] of entries) {
    if (typeof weight !== 'number' || !Number.isFinite(weight) || weight < 0) fail(label, weight);
  }
  return Object.fromEntries(entries) as Record<string, number>;
}
