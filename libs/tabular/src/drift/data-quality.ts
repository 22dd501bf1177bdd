import { referenceSample } from './reference-column.js';
import type { CurrentColumn, ReferenceColumn } from './reference-column.js';

/** What is wrong with a column, apart from drift of its values. */
export type QualityIssueKind =
  'missing_share' | 'all_missing' | 'out_of_range' | 'infinite' | 'new_category' | 'constant';

export interface QualityIssue {
  readonly kind: QualityIssueKind;
  /** Share of the current rows concerned (missing_share: the change of the share). */
  readonly share: number;
  readonly message: string;
}

export interface DataQualityOptions {
  /** An issue where the missing share rose by more than this. Default 0.05. */
  readonly missingShareIncrease?: number;
  /** An issue where more than this share of values is outside the reference's range. Default 0.05. */
  readonly outOfRangeShare?: number;
  /** An issue where more than this share of values is a new category. Default 0: any is. */
  readonly newCategoryShare?: number;
}

/** Quality of one column's current values against the reference. JSON-serialisable. */
export interface ColumnQuality {
  readonly column: string;
  /** Current rows, missing ones included. */
  readonly rows: number;
  /** Missing cells; ±Infinity counts as missing too. */
  readonly missing: number;
  /** missing / rows; 0 without rows. */
  readonly missingShare: number;
  readonly referenceMissingShare: number;
  /** missingShare − referenceMissingShare. */
  readonly missingShareChange: number;
  /** ±Infinity cells of a numeric column. */
  readonly infinite: number;
  /** Numeric: present values below the reference's smallest or above its largest one, and their share. */
  readonly outOfRange: number;
  readonly outOfRangeShare: number;
  /** The reference's range; absent for categories and where it has no value. */
  readonly range?: { readonly min: number; readonly max: number };
  /** Categorical: categories that the reference lacks, most frequent first, and the share of their cells. */
  readonly newCategories: readonly { readonly category: string; readonly count: number }[];
  readonly newCategoryShare: number;
  /** At least two present values, all the same one, where the reference has several. */
  readonly constant: boolean;
  readonly allMissing: boolean;
  readonly issues: readonly QualityIssue[];
}

/** Compare missing share, range and categories with the reference. Never throws for data. */
export function dataQuality(
  reference: ReferenceColumn,
  current: CurrentColumn,
  options: DataQualityOptions = {},
): ColumnQuality {
  const seen =
    current instanceof Float64Array ? scanNumbers(reference, current) : scanCategories(reference, current);
  const { rows, missing } = seen;
  const present = rows - missing;
  const missingShare = rows === 0 ? 0 : missing / rows;
  const referenceRows = reference.n + reference.missing;
  const referenceMissingShare = referenceRows === 0 ? 0 : reference.missing / referenceRows;
  const newCount = seen.newCategories.reduce((sum, { count }) => sum + count, 0);
  const quality = {
    column: reference.name,
    ...seen,
    missingShare,
    referenceMissingShare,
    missingShareChange: rows === 0 ? 0 : missingShare - referenceMissingShare,
    outOfRangeShare: present === 0 ? 0 : seen.outOfRange / present,
    newCategoryShare: present === 0 ? 0 : newCount / present,
    allMissing: rows > 0 && present === 0,
  };
  return { ...quality, issues: findIssues(quality, options) };
}

type Scan = Pick<
  ColumnQuality,
  'rows' | 'missing' | 'infinite' | 'outOfRange' | 'newCategories' | 'constant' | 'range'
>;

function scanNumbers(reference: ReferenceColumn, values: Float64Array): Scan {
  const sample =
    reference.type === 'numeric' && reference.n > 0 ? referenceSample(reference).values : undefined;
  const min = sample?.[0] ?? -Infinity;
  const max = sample?.at(-1) ?? Infinity;
  let missing = 0;
  let infinite = 0;
  let outOfRange = 0;
  let first: number | undefined;
  let constant = true;
  for (const value of values) {
    if (!Number.isFinite(value)) {
      missing++;
      if (!Number.isNaN(value)) infinite++;
      continue;
    }
    if (value < min || value > max) outOfRange++;
    if (first === undefined) first = value;
    else if (value !== first) constant = false;
  }
  return {
    rows: values.length,
    missing,
    infinite,
    outOfRange,
    newCategories: [],
    constant: constant && values.length - missing > 1 && (sample?.length ?? 0) > 1,
    ...(sample === undefined ? {} : { range: { min, max } }),
  };
}

function scanCategories(reference: ReferenceColumn, current: Exclude<CurrentColumn, Float64Array>): Scan {
  const known = new Set(
    reference.type === 'categorical' ? reference.categories.filter((_, i) => reference.counts[i]! > 0) : [],
  );
  const present = [...current.counts].filter(([, count]) => count > 0);
  const n = present.reduce((sum, [, count]) => sum + count, 0);
  return {
    rows: n + current.missing,
    missing: current.missing,
    infinite: 0,
    outOfRange: 0,
    newCategories: present
      .filter(([category]) => !known.has(category))
      .map(([category, count]) => ({ category, count }))
      .sort((a, b) => b.count - a.count || (a.category < b.category ? -1 : 1)),
    constant: present.length === 1 && n > 1 && known.size > 1,
  };
}

function findIssues(quality: Omit<ColumnQuality, 'issues'>, options: DataQualityOptions): QualityIssue[] {
  const issues: QualityIssue[] = [];
  const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;
  const { missingShareChange, outOfRangeShare, newCategoryShare, range } = quality;
  if (quality.allMissing) {
    issues.push({ kind: 'all_missing', share: 1, message: `all ${quality.rows} values are missing` });
  } else if (missingShareChange > (options.missingShareIncrease ?? 0.05)) {
    const message = `${percent(quality.missingShare)} of the values are missing, ${percent(quality.referenceMissingShare)} in the reference`;
    issues.push({ kind: 'missing_share', share: missingShareChange, message });
  }
  if (quality.infinite > 0) {
    const share = quality.infinite / quality.rows;
    issues.push({ kind: 'infinite', share, message: `${quality.infinite} values are infinite` });
  }
  if (range !== undefined && outOfRangeShare > (options.outOfRangeShare ?? 0.05)) {
    const message = `${percent(outOfRangeShare)} of the values are outside ${range.min} … ${range.max}`;
    issues.push({ kind: 'out_of_range', share: outOfRangeShare, message });
  }
  if (newCategoryShare > (options.newCategoryShare ?? 0)) {
    const names = quality.newCategories.slice(0, 3).map(({ category }) => `"${category}"`);
    const more = quality.newCategories.length > 3 ? ` and ${quality.newCategories.length - 3} more` : '';
    const message = `new categories ${names.join(', ')}${more} in ${percent(newCategoryShare)} of the values`;
    issues.push({ kind: 'new_category', share: newCategoryShare, message });
  }
  if (quality.constant) issues.push({ kind: 'constant', share: 1, message: 'all values are the same one' });
  return issues;
}
