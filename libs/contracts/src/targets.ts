import { Task } from '@rookery/proto/rookery/domain/v1/data';
import type { DatasetReady } from '@rookery/proto/rookery/events/v1/dataset';

/** The parts of a request that say what is to be predicted. */
export type TargetRequest = Pick<DatasetReady, 'target' | 'targets' | 'task' | 'labelSeparator'>;

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
