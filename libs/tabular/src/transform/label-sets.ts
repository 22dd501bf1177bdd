import { compareCategories } from '../table/category-order.js';
import { columnByName, columnLength } from '../table/table.js';
import type { Column, RowIndices, Table } from '../table/table.js';
import { TabularError } from '../tabular-error.js';

/** What stands between the labels of a cell where nothing else is said. */
export const DEFAULT_LABEL_SEPARATOR = '|';

/** A label is predicted where its probability is above this, where nothing else is said. */
export const DEFAULT_LABEL_THRESHOLD = 0.5;

/** Probability above which labels are predicted: one number for all, or one for each label in their order. */
export type LabelThreshold = number | readonly number[];

/** The threshold of one label. */
export function thresholdAt(threshold: LabelThreshold, label: number): number {
  return typeof threshold === 'number' ? threshold : threshold[label]!;
}

/** Where a table holds the labels of its rows: a column of flags for each label, or one column of sets. */
export type LabelSetSource =
  { readonly columns: readonly string[] } | { readonly column: string; readonly separator: string };

/** How sets of labels become rows of 0 and 1: plain JSON, part of a target encoder. */
export interface LabelSetEncoder {
  /** Labels in the order of the outputs. */
  readonly labels: readonly string[];
  readonly source: LabelSetSource;
}

/**
 * The labels of a set that is written as one text: a JSON list, or labels with the separator between them. `[]` and the
 * separator alone are no label at all. Spaces around a label do not count, and a label that is there twice is there once.
 * Undefined for a text that is no set: one with an empty label, or a list of anything but texts, numbers and flags.
 */
export function parseLabelSet(text: string, separator: string): string[] | undefined {
  const listed = listOf(text);
  if (listed === undefined && text.trim() === separator.trim()) return [];
  const labels = (listed ?? text.split(separator)).map((label) => label.trim());
  return labels.includes('') ? undefined : [...new Set(labels)];
}

/** Whether the text is a set of labels as a JSON list. */
export function isLabelList(text: string): boolean {
  return listOf(text) !== undefined;
}

/** A set of labels as one text: with the separator between them, or as a JSON list where that could not be read again. */
export function formatLabelSet(labels: readonly string[], separator: string): string {
  const text = labels.join(separator);
  const back = labels.length === 0 ? undefined : parseLabelSet(text, separator);
  const same = back?.length === labels.length && back.every((label, i) => label === labels[i]);
  return same ? text : JSON.stringify(labels);
}

/** The labels whose probability is above their threshold, in their order. */
export function labelsAbove(
  labels: readonly string[],
  probabilities: ArrayLike<number>,
  threshold: LabelThreshold,
): string[] {
  return labels.filter((_, k) => probabilities[k]! > thresholdAt(threshold, k));
}

/** What a flag of a label column says: 1, 0, undefined for anything else, null for a missing cell. */
export function flagAt(column: Column, row: number): 0 | 1 | undefined | null {
  if (column.type === 'numeric') {
    const value = column.values[row]!;
    return Number.isNaN(value) ? null : value === 0 || value === 1 ? value : undefined;
  }
  const code = column.codes[row]!;
  return code < 0 ? null : flagOf(column.categories[code]!);
}

/**
 * The distinct labels of a column of sets, sorted by code point. Throws RK_TABULAR_TARGET_INVALID, naming the row, for a
 * cell that is no set of labels; missing cells do not count.
 */
export function labelSetNames(column: Column, separator: string): string[] {
  const names = new Set<string>();
  for (const labels of setsOf(column, separator).values()) for (const label of labels) names.add(label);
  return [...names].sort(compareCategories);
}

/**
 * The sets of these rows (default: all), row by row: 1 where the row has the label, 0 where not. Labels that the encoder
 * does not know are left out. Throws RK_TABULAR_TARGET_INVALID for a missing cell, a flag that is none, a set that is none.
 */
export function encodeLabelSets(encoder: LabelSetEncoder, table: Table, rows?: RowIndices): Float32Array {
  const { labels, source } = encoder;
  const count = rows?.length ?? table.rows;
  const width = labels.length;
  const out = new Float32Array(count * width);
  if ('columns' in source) {
    source.columns.forEach((name, k) => {
      const column = columnByName(table, name);
      for (let i = 0; i < count; i++) {
        const row = rows?.[i] ?? i;
        const flag = flagAt(column, row);
        if (flag === null || flag === undefined) throw invalidRow(name, row, flag === null);
        out[i * width + k] = flag;
      }
    });
    return out;
  }
  const column = columnByName(table, source.column);
  const sets = setsOf(column, source.separator);
  const position = new Map(labels.map((label, k) => [label, k]));
  for (let i = 0; i < count; i++) {
    const row = rows?.[i] ?? i;
    const set = sets.get(keyAt(column, row));
    if (set === undefined) throw invalidRow(source.column, row, true);
    for (const label of set) {
      const k = position.get(label);
      if (k !== undefined) out[i * width + k] = 1;
    }
  }
  return out;
}

/** Each distinct cell of the column with its labels, by code (or by value, where all cells look like numbers). */
function setsOf(column: Column, separator: string): Map<number, readonly string[]> {
  const sets = new Map<number, readonly string[]>();
  const rows = columnLength(column);
  for (let row = 0; row < rows; row++) {
    const key = keyAt(column, row);
    if (sets.has(key) || !(column.type === 'numeric' ? !Number.isNaN(key) : key >= 0)) continue;
    const text = column.type === 'numeric' ? String(key) : column.categories[key]!;
    const labels = parseLabelSet(text, separator);
    if (labels === undefined) throw invalidRow(column.name, row, false, text);
    sets.set(key, labels);
  }
  return sets;
}

function keyAt(column: Column, row: number): number {
  return column.type === 'numeric' ? column.values[row]! : column.codes[row]!;
}

function listOf(text: string): string[] | undefined {
  if (!text.trimStart().startsWith('[')) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    if (!Array.isArray(value)) return undefined;
    const plain = (value as unknown[]).every((one) => ['string', 'number', 'boolean'].includes(typeof one));
    return plain ? value.map(String) : undefined;
  } catch {
    return undefined;
  }
}

function flagOf(text: string): 0 | 1 | undefined {
  const word = text.trim().toLowerCase();
  if (word === '1' || word === 'true') return 1;
  return word === '0' || word === 'false' ? 0 : undefined;
}

function invalidRow(column: string, row: number, missing: boolean, text = ''): TabularError {
  const what = missing
    ? 'has no value'
    : text === ''
      ? 'is neither 0 nor 1'
      : `is no set of labels: ${JSON.stringify(text.slice(0, 80))} has an empty one`;
  return new TabularError(
    'RK_TABULAR_TARGET_INVALID',
    `Target column "${column}" ${what} in row ${row + 1}.`,
    {
      column,
      row: String(row + 1),
      value: text.slice(0, 80),
    },
  );
}
