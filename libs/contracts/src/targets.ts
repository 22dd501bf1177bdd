import { Task } from '@rookery/proto/rookery/domain/v1/data';
import type { DatasetReady } from '@rookery/proto/rookery/events/v1/dataset';

import { TerminalError } from './errors.js';

/** The parts of a request that say what is to be predicted. */
export type TargetRequest = Pick<DatasetReady, 'target' | 'targets' | 'task' | 'labelSeparator'>;

/** What a request says of the thresholds of its labels: one for all, one for each that is named, or that they are chosen. */
export type RequestedThreshold = number | 'tuned' | Readonly<Record<string, number>>;

/** Threshold of labels that a request does not name. */
const thresholdOfOthers = 0.5;

/**
 * The label thresholds of a request; undefined where it gives none. Throws RK_REQUEST_INVALID for anything but "tuned", a number
 * between 0 and 1, or an object of labels and such numbers.
 */
export function readLabelThreshold(value: unknown): RequestedThreshold | undefined {
  if (value === undefined || value === null || value === 'tuned') return value ?? undefined;
  if (typeof value === 'number') return shareOf('label_threshold', value);
  const entries = typeof value === 'object' && !Array.isArray(value) ? Object.entries(value) : [];
  if (entries.length === 0)
    throw wrongThreshold('label_threshold', value, 'is no number, "tuned" or object of label and number');
  return Object.fromEntries(
    entries.map(([label, threshold]) => [label, shareOf(`label_threshold.${label}`, threshold)]),
  );
}

/**
 * The threshold of each label, where the request names some: 0.5 for the others. Throws RK_REQUEST_INVALID for one that it names and
 * that there is not.
 */
export function thresholdsByLabel(
  given: Readonly<Record<string, number>>,
  labels: readonly string[],
): number[] {
  const stranger = Object.keys(given).find((label) => !labels.includes(label));
  if (stranger !== undefined) {
    const known = labels.slice(0, 50).map((label) => label.slice(0, 80));
    throw wrongThreshold(
      `label_threshold.${stranger}`,
      given[stranger],
      `is of no label; they are ${known.join(', ')}${labels.length > 50 ? ' …' : ''}`,
    );
  }
  return labels.map((label) => (Object.hasOwn(given, label) ? given[label]! : thresholdOfOthers));
}

/** The thresholds that a signature or a reference has: one for all labels, or one for each. */
export function thresholdOf(of: {
  readonly labelThreshold: number;
  readonly labelThresholds: readonly number[];
}): number | readonly number[] {
  return of.labelThresholds.length > 0 ? of.labelThresholds : of.labelThreshold;
}

function shareOf(field: string, value: unknown): number {
  if (typeof value === 'number' && value > 0 && value < 1) return value;
  throw wrongThreshold(field, value, 'is out of range: use more than 0 and less than 1');
}

function wrongThreshold(of: string, value: unknown, what: string): TerminalError {
  // Labels and values are a stranger's: neither may fill a message.
  const [field, shown] = [of.slice(0, 100), (JSON.stringify(value) ?? '').slice(0, 80)];
  return new TerminalError('RK_REQUEST_INVALID', `${field} ${shown} ${what}`, {
    details: { field, value: shown },
  });
}

/** Columns that a request predicts: each of its `targets`, or its `target`. */
export function targetColumns(request: Pick<TargetRequest, 'target' | 'targets'>): readonly string[] {
  return request.targets.length > 0 ? request.targets : [request.target];
}

/** What the target is called as a whole: the column, or the columns with commas between them. */
export function targetName(request: Pick<TargetRequest, 'target' | 'targets'>): string {
  return targetColumns(request).join(', ');
}

/** Whether the request itself says that sets of labels are predicted; where it does not, the target may say so. */
export function asksForLabelSets(request: TargetRequest): boolean {
  return request.targets.length > 0 || request.labelSeparator !== '' || request.task === Task.TASK_MULTILABEL;
}
