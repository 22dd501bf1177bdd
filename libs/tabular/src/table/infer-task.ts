import { TabularError } from '../tabular-error.js';
import { isLabelList } from '../transform/label-sets.js';
import { compareCategories } from './category-order.js';
import type { Column } from './table.js';

/** What a model learns. */
export type Task = 'binary' | 'multiclass' | 'multilabel' | 'regression';

/** A task with its class labels (empty for regression and multi-label) and the reason in words. */
export interface InferredTask {
  readonly task: Task;
  readonly labels: readonly string[];
  readonly reason: string;
}

/** A numeric target of integers with at most this many distinct values is taken for class numbers. */
export const MAX_INTEGER_CLASSES = 10;

/**
 * Task of a target column. Rule: categorical and boolean → classification; numeric → classification where all
 * values are integers with at most MAX_INTEGER_CLASSES distinct ones, regression else. Two classes are binary,
 * more multiclass. A column with lists of labels is multi-label. Missing cells do not count. Throws
 * RK_TABULAR_TARGET_INVALID for text, and where fewer than two distinct values exist.
 */
export function inferTask(column: Column): InferredTask {
  if (column.type !== 'numeric' && column.categories.some(isLabelList))
    return { task: 'multilabel', labels: [], reason: 'lists of labels' };
  if (column.type === 'text') {
    throw new TabularError(
      'RK_TABULAR_TARGET_INVALID',
      `Column "${column.name}" is free text and cannot be a target.`,
      {
        column: column.name,
      },
    );
  }
  if (column.type === 'numeric') {
    const distinct = new Set<number>();
    let integers = true;
    for (const value of column.values) {
      if (!Number.isFinite(value)) continue;
      if (!Number.isInteger(value)) integers = false;
      if (distinct.size <= MAX_INTEGER_CLASSES) distinct.add(value);
    }
    if (distinct.size < 2) throw constantTarget(column.name, distinct.size);
    if (!integers || distinct.size > MAX_INTEGER_CLASSES) {
      return {
        task: 'regression',
        labels: [],
        reason: integers
          ? `numeric, with more than ${MAX_INTEGER_CLASSES} distinct values`
          : 'numeric, with values that are no integers',
      };
    }
  }
  return classification(column, classLabels(column));
}

/**
 * Distinct non-missing values of the column as labels, sorted: numbers by size, strings by code point.
 * Only values which occur (in `rows`, or anywhere) are labels.
 */
export function classLabels(column: Column, rows?: ArrayLike<number>): string[] {
  const count = rows?.length ?? (column.type === 'numeric' ? column.values.length : column.codes.length);
  if (column.type === 'numeric') {
    const distinct = new Set<number>();
    for (let i = 0; i < count; i++) {
      const value = column.values[rows === undefined ? i : rows[i]!]!;
      if (Number.isFinite(value)) distinct.add(value);
    }
    return [...distinct].sort((a, b) => a - b).map(String);
  }
  const seen = new Uint8Array(column.categories.length);
  for (let i = 0; i < count; i++) {
    const code = column.codes[rows === undefined ? i : rows[i]!]!;
    if (code >= 0) seen[code] = 1;
  }
  return column.categories.filter((_, i) => seen[i] === 1).sort(compareCategories);
}

function classification(column: Column, labels: readonly string[]): InferredTask {
  if (labels.length < 2) throw constantTarget(column.name, labels.length);
  const kind = column.type === 'numeric' ? 'numeric, with few integer values' : column.type;
  return {
    task: labels.length === 2 ? 'binary' : 'multiclass',
    labels,
    reason: `${kind}, ${labels.length} distinct values`,
  };
}

function constantTarget(column: string, distinct: number): TabularError {
  return new TabularError(
    'RK_TABULAR_TARGET_INVALID',
    distinct === 0
      ? `Target column "${column}" has no value at all; name another target.`
      : `Target column "${column}" has only one distinct value; there is nothing to learn. Name another target or add rows.`,
    { column, distinct: String(distinct) },
  );
}
