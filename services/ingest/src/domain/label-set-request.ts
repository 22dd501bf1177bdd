import {
  asksForLabelSets,
  columnTypeFromProto,
  readLabelThreshold,
  targetColumns,
  taskFromProto,
  TerminalError,
} from '@rookery/contracts';
import type { ErrorCode, RequestedThreshold } from '@rookery/contracts';
import type { DatasetReady } from '@rookery/proto/rookery/events/v1/dataset';
import { DEFAULT_LABEL_SEPARATOR } from '@rookery/tabular';

/** Longest text between labels. */
const LONGEST_SEPARATOR = 16;

/** What a request says of sets of labels. */
export interface RequestedLabelSets {
  /** Whether the request itself says that the target is sets of labels. */
  readonly asked: boolean;
  /** Whether each label has a column of its own. */
  readonly columns: boolean;
  readonly separator: string;
  /** Undefined where none is given. */
  readonly threshold: RequestedThreshold | undefined;
}

/**
 * Checks what a request says of a multi-label target. Throws RK_REQUEST_INVALID, naming the field: target and targets
 * together, one target only, one twice or without a name, another task, a separator that is too long, a threshold that is
 * no share; RK_DATASET_TARGET_TYPE where a column of sets is given another type.
 */
export function checkLabelSetFields(ready: DatasetReady): RequestedLabelSets {
  const { target, targets, labelSeparator } = ready;
  const labelThreshold = readLabelThreshold(ready.labelThreshold);
  if (targets.length > 0) {
    if (target.trim() !== '') fail('targets', target, 'stands beside target: give one of them');
    if (targets.length === 1)
      fail('targets', targets[0]!, 'is one column: name it in target, or give at least two');
    const twice = targets.find((name, at) => name.trim() === '' || targets.indexOf(name) !== at);
    if (twice !== undefined)
      fail('targets', twice, twice.trim() === '' ? 'has no name' : 'is named twice; a label is one column');
  }
  const task = taskFromProto(ready.task);
  if (task !== undefined && task !== 'multilabel') {
    const field =
      targets.length > 0 ? 'targets' : labelSeparator !== '' ? 'label_separator' : 'label_threshold';
    if (asksForLabelSets(ready) || labelThreshold !== undefined)
      fail('task', task, `does not suit ${field}, which is for multilabel`);
  }
  if (labelSeparator.length > LONGEST_SEPARATOR)
    fail('label_separator', labelSeparator, `is longer than ${LONGEST_SEPARATOR} characters`);
  const asked = asksForLabelSets(ready);
  const type = Object.hasOwn(ready.columnTypes, target)
    ? columnTypeFromProto(ready.columnTypes[target]!)
    : '';
  if (asked && (type === 'numeric' || type === 'boolean')) {
    const what = `makes the target ${type}; a column of sets of labels is text`;
    fail('column_types', target, what, 'RK_DATASET_TARGET_TYPE');
  }
  return {
    asked,
    columns: targets.length > 0,
    separator: labelSeparator || DEFAULT_LABEL_SEPARATOR,
    threshold: labelThreshold,
  };
}

/** The column that may hold lists of labels: none where each label has its own, or the task is another one. */
export function labelColumnOf(ready: DatasetReady): { name: string; text: boolean } | undefined {
  const task = taskFromProto(ready.task);
  if (ready.targets.length > 0 || (task !== undefined && task !== 'multilabel')) return undefined;
  return { name: targetColumns(ready)[0]!, text: asksForLabelSets(ready) };
}

function fail(field: string, value: string, what: string, code: ErrorCode = 'RK_REQUEST_INVALID'): never {
  const shown = value.slice(0, 80);
  throw new TerminalError(code, `${field} ${JSON.stringify(shown)} ${what}`, {
    details: { field, value: shown },
  });
}
