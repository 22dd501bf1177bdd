import { compareCategories } from '../table/category-order.js';
import { columnByName, missingCount } from '../table/table.js';
import type { Column, Table } from '../table/table.js';
import { TabularError } from '../tabular-error.js';
import { kFold, stratifiedKFold } from './folds.js';
import type { Fold } from './folds.js';
import { groupKFold, stratifiedGroupKFold } from './group-folds.js';
import type { Groups } from './group-folds.js';
import { holdOut, stratifiedHoldOut } from './hold-out.js';
import { labelSetKFold } from './label-set-folds.js';
import type { LabelMatrix } from './label-set-folds.js';
import { repeatedKFold, repeatedLabelSetKFold, repeatedStratifiedKFold } from './repeated-folds.js';
import { timeSeriesSplit } from './time-series-split.js';

/** Ways to divide rows. */
export const splitKinds = [
  'kfold',
  'stratified',
  'group',
  'stratified_group',
  'time_series',
  'repeated_kfold',
  'repeated_stratified',
  'hold_out',
] as const;

export type SplitKind = (typeof splitKinds)[number];

/** How rows are divided for cross-validation. */
export interface SplitSpec {
  readonly kind: SplitKind;
  readonly folds: number;
  /** Column whose rows stay together. */
  readonly group?: string;
  /** Column that orders the rows; without, they are in order. */
  readonly time?: string;
  readonly repeats?: number;
  readonly testSize?: number;
  readonly gap?: number;
}

/** Kinds that need classes. */
export function needsClasses(kind: SplitKind): boolean {
  return kind === 'stratified' || kind === 'stratified_group' || kind === 'repeated_stratified';
}

/** A split as a request gives it; what is '' or absent is not given. */
export interface GivenSplit {
  readonly kind: string;
  readonly group: string;
  readonly time: string;
  readonly repeats?: number | undefined;
  readonly testSize?: number | undefined;
  readonly gap?: number | undefined;
}

/** Most folds of a run, repetitions included. */
const MOST_FOLDS = 1000;

/**
 * A request's split with its defaults: without a kind, the folds are stratified where `stratified` says so. Throws
 * RK_SPLIT_INVALID naming the field that is wrong, lacking, or of another kind of split.
 */
export function readSplit(
  given: GivenSplit | undefined,
  defaults: { readonly folds: number; readonly stratified: boolean },
): SplitSpec {
  const plain = defaults.stratified ? 'stratified' : 'kfold';
  if (given === undefined) return { kind: plain, folds: defaults.folds };
  const kind = given.kind === '' ? plain : splitKinds.find((one) => one === given.kind);
  if (kind === undefined)
    throw badSplit('split.kind', given.kind, `is unknown; there are ${splitKinds.join(', ')}`);
  const grouped = kind === 'group' || kind === 'stratified_group';
  const repeated = kind === 'repeated_kfold' || kind === 'repeated_stratified';
  const owners: readonly (readonly [string, string | number | undefined, boolean])[] = [
    ['group', given.group === '' ? undefined : given.group, grouped],
    ['time', given.time === '' ? undefined : given.time, kind === 'time_series'],
    ['gap', given.gap, kind === 'time_series'],
    ['repeats', given.repeats, repeated],
    ['test_size', given.testSize, kind === 'hold_out'],
  ];
  for (const [name, value, allowed] of owners) {
    if (value !== undefined && !allowed)
      throw badSplit(`split.${name}`, String(value), `does not belong to a ${kind} split`);
  }
  if (grouped && given.group === '') throw badSplit('split.group', '', `is needed by a ${kind} split`);
  if (given.repeats === 0) throw badSplit('split.repeats', '0', 'must be at least 1');
  const size = given.testSize;
  if (size !== undefined && !(size > 0 && (size < 1 || Number.isInteger(size))))
    throw badSplit('split.test_size', String(size), 'must be a share below 1 or a number of rows');
  const spec: SplitSpec = {
    kind,
    folds: defaults.folds,
    ...(grouped ? { group: given.group } : {}),
    ...(given.time === '' ? {} : { time: given.time }),
    ...(given.repeats === undefined ? {} : { repeats: given.repeats }),
    ...(size === undefined ? {} : { testSize: size }),
    ...(given.gap === undefined ? {} : { gap: given.gap }),
  };
  if (foldCount(spec) > MOST_FOLDS)
    throw badSplit('split.repeats', String(foldCount(spec)), `gives more than ${MOST_FOLDS} folds in all`);
  return spec;
}

function badSplit(field: string, value: string, problem: string): TabularError {
  const shown = value.slice(0, 80);
  return new TabularError('RK_SPLIT_INVALID', `${field} ${JSON.stringify(shown)} ${problem}.`, {
    field,
    value: shown,
  });
}

/** Number of folds that come of a split. */
export function foldCount({ kind, folds, repeats = 3 }: SplitSpec): number {
  if (kind === 'hold_out') return 1;
  return kind === 'repeated_kfold' || kind === 'repeated_stratified' ? folds * repeats : folds;
}

/**
 * The folds of all rows of a table. `truth` are the classes of the rows or their sets of labels, undefined for a regression
 * (a hold-out is stratified where there are classes). Row numbers of each set ascend.
 * Throws RK_TABULAR_FOLDS_INVALID where rows, classes or groups do not suit, RK_TABULAR_COLUMN_MISSING, and
 * RK_TABULAR_CELL_INVALID for a missing group or time.
 */
export function splitRows(
  table: Table,
  spec: SplitSpec,
  truth: Int32Array | LabelMatrix | undefined,
  seed: number,
): Fold[] {
  const { folds, repeats = 3 } = spec;
  const [codes, sets] = truth === undefined || 'labels' in truth ? [undefined, truth] : [truth, undefined];
  const classes = (): Int32Array => {
    if (codes !== undefined) return codes;
    throw invalid(
      `A ${spec.kind} split needs classes; ${sets === undefined ? 'a regression has none' : 'sets of labels are none'}.`,
    );
  };
  const groups = (): Groups => cells(columnByName(table, spec.group ?? ''));
  switch (spec.kind) {
    case 'kfold':
      return kFold(table.rows, folds, { seed, shuffle: true });
    case 'stratified':
      return sets === undefined
        ? stratifiedKFold(classes(), folds, { seed })
        : labelSetKFold(sets, folds, { seed });
    case 'group':
      return groupKFold(groups(), folds, { seed, shuffle: true });
    case 'stratified_group':
      return stratifiedGroupKFold(classes(), groups(), folds, { seed, shuffle: true });
    case 'repeated_kfold':
      return repeatedKFold(table.rows, folds, { seed, repeats });
    case 'repeated_stratified':
      return sets === undefined
        ? repeatedStratifiedKFold(classes(), folds, { seed, repeats })
        : repeatedLabelSetKFold(sets, folds, { seed, repeats });
    case 'hold_out': {
      const options = { seed, ...(spec.testSize === undefined ? {} : { testSize: spec.testSize }) };
      return [codes === undefined ? holdOut(table.rows, options) : stratifiedHoldOut(codes, options)];
    }
    case 'time_series':
      return timeFolds(table, spec);
  }
}

function timeFolds(table: Table, spec: SplitSpec): Fold[] {
  const options = spec.gap === undefined ? {} : { gap: spec.gap };
  const order = orderOf(table, spec.time);
  return timeSeriesSplit(table.rows, spec.folds, options).map(({ train, test }) => ({
    train: train.map((position) => order[position]!).sort(),
    test: test.map((position) => order[position]!).sort(),
  }));
}

/** Rows by time; those of one time in the order of the table. Texts go by code point, as ISO 8601 dates need it. */
function orderOf(table: Table, time: string | undefined): Uint32Array {
  const order = Uint32Array.from({ length: table.rows }, (_, row) => row);
  if (time === undefined) return order;
  const keys = cells(columnByName(table, time));
  const numbers = ArrayBuffer.isView(keys) ? keys : ranks(keys);
  return order.sort((a, b) => numbers[a]! - numbers[b]! || a - b);
}

function ranks(texts: readonly string[]): Float64Array {
  const sorted = [...new Set(texts)].sort(compareCategories);
  const rank = new Map(sorted.map((text, i) => [text, i]));
  return Float64Array.from(texts, (text) => rank.get(text)!);
}

function cells(column: Column): Float64Array | readonly string[] {
  const missing = missingCount(column);
  if (missing > 0) {
    throw new TabularError(
      'RK_TABULAR_CELL_INVALID',
      `${missing} rows have no value in the column "${column.name}" that divides them; fill it or leave these rows out.`,
      { column: column.name, missing: String(missing) },
    );
  }
  if (column.type === 'numeric') return column.values;
  return Array.from(column.codes, (code) => column.categories[code]!);
}

function invalid(message: string): TabularError {
  return new TabularError('RK_TABULAR_FOLDS_INVALID', message);
}
