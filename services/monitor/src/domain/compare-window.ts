import { thresholdOf } from '@rookery/contracts';
import type { ReferenceColumn, ReferenceProfile } from '@rookery/proto/rookery/artifacts/v1/artifacts';
import { Task } from '@rookery/proto/rookery/domain/v1/data';
import { ColumnReport } from '@rookery/proto/rookery/events/v1/monitoring';
import type { DatasetDrift, MonitorReported } from '@rookery/proto/rookery/events/v1/monitoring';
import { columnDrift, dataQuality, datasetDrift, metricDirection, thresholdAt } from '@rookery/tabular';
import type { ColumnDrift } from '@rookery/tabular';

import { labelSet, modelQuality, numberOf } from './model-quality.js';
import type { ModelTruths } from './model-quality.js';
import type { StoredValue, WindowRow } from './prediction-window.js';
import { currentOf, referenceOf } from './reference-columns.js';

/** A window of predictions of one model version, and what it is compared with. */
export interface WindowComparison {
  readonly reference: ReferenceProfile;
  readonly rows: readonly WindowRow[];
  readonly driftShare: number;
}

/** The findings of a comparison: the report without its identity. */
export type Findings = Pick<
  MonitorReported,
  | 'predictions'
  | 'labelled'
  | 'columns'
  | 'datasetDrift'
  | 'quality'
  | 'baseline'
  | 'alerts'
  | 'windowStartMs'
  | 'windowEndMs'
>;

/** Fewer rows than this say nothing about a distribution. */
const minimumRows = 10;

/** A drop of the gate-like metrics by more than this share of the baseline is worth an alert. */
const qualityTolerance = 0.1;

/**
 * Compares a window with the reference: drift of every feature, of the prediction and (where labels exist) of the target
 * by the rule of libs/tabular; missing share, range and new categories; quality against the baseline. Drift of the data
 * set counts features and the prediction. A column that can't be tested has its own status; nothing here throws for data.
 */
export function compareWindow({ reference, rows, driftShare }: WindowComparison): Findings {
  const tested: ColumnDrift[] = [];
  const alerts: string[] = [];
  const model = truthsOf(reference);
  const columns: ColumnReport[] = [];
  for (const message of reference.columns) {
    const values = valuesOf(message, rows, model);
    if (message.role === 'target' && values.length === 0) continue;
    const compared = compareColumn(message, values);
    columns.push(compared.report);
    alerts.push(...compared.alerts);
    if (compared.drift !== undefined && message.role !== 'target') tested.push(compared.drift);
  }
  const whole = datasetDrift(tested, driftShare);
  const quality = modelQuality(rows, model);
  const alerting = model.labelSeparator === undefined ? ['accuracy', 'rmse'] : ['f1_micro'];
  if (quality.unknownLabels > 0) alerts.push(`${quality.unknownLabels} labels do not fit the model`);
  alerts.push(...qualityAlerts(quality.metrics, reference.baseline, quality.labelled, alerting));
  const overall: DatasetDrift = {
    drifted: whole.drifted,
    driftedColumns: whole.driftedColumns,
    testedColumns: whole.testedColumns,
    share: whole.share,
    threshold: whole.threshold,
  };
  return {
    predictions: rows.length,
    labelled: quality.labelled,
    columns,
    datasetDrift: overall,
    quality: quality.metrics,
    baseline: { ...reference.baseline },
    alerts,
    windowStartMs: rows[0]?.timeMs ?? 0,
    windowEndMs: rows.at(-1)?.timeMs ?? 0,
  };
}

interface ComparedColumn {
  readonly report: ColumnReport;
  readonly alerts: readonly string[];
  readonly drift: ColumnDrift | undefined;
}

/** One column against its reference. A fault in it is a status of this column, never an error of the report. */
function compareColumn(message: ReferenceColumn, values: readonly StoredValue[]): ComparedColumn {
  const { name, role, type } = message;
  try {
    const expected = referenceOf(message);
    const current = currentOf(expected, values);
    const drift = columnDrift(expected, current, { minimumRows });
    const quality = dataQuality(expected, current);
    const alerts = drift.drifted ? [`${role} ${name} drifted (${drift.method} ${shown(drift.score)})`] : [];
    if (quality.rows >= minimumRows)
      alerts.push(...quality.issues.map((issue) => `${role} ${name}: ${issue.message}`));
    const report: ColumnReport = {
      name,
      role,
      type,
      status: drift.status,
      message: drift.message ?? '',
      method: drift.method ?? '',
      score: drift.score ?? 0,
      threshold: drift.threshold ?? 0,
      drifted: drift.drifted,
      referenceRows: drift.referenceRows,
      currentRows: drift.currentRows,
      missingShare: quality.missingShare,
      referenceMissingShare: quality.referenceMissingShare,
      outOfRangeShare: quality.outOfRangeShare,
      newCategories: Object.fromEntries(
        quality.newCategories.map(({ category, count }) => [category, count]),
      ),
      statistic: drift.statistic,
      pValue: drift.pValue,
    };
    return { report, alerts, drift };
  } catch (thrown) {
    const why = thrown instanceof Error ? thrown.message : String(thrown);
    const report = ColumnReport.fromPartial({ name, role, type, status: 'error', message: why });
    return { report, alerts: [], drift: undefined };
  }
}

/** The values of a column in the window, for the target only those that are known. */
function valuesOf(
  { name, role }: ReferenceColumn,
  rows: readonly WindowRow[],
  model: ModelTruths,
): StoredValue[] {
  if (model.labelSeparator !== undefined && role !== 'feature') return flagsOf(name, role, rows, model);
  const regression = model.classes.length === 0;
  if (role === 'prediction')
    return rows.map((row) => (regression ? (row.outputs[0] ?? null) : row.label || null));
  if (role === 'feature') return rows.map((row) => row.values.get(name) ?? null);
  const truths = rows.flatMap((row) => (row.truth === undefined ? [] : [row.truth]));
  return regression ? truths.map((truth) => numberOf(truth) ?? null) : truths;
}

/** Of one label of a multi-label model: whether the rows are predicted to have it, or have it. */
function flagsOf(label: string, role: string, rows: readonly WindowRow[], model: ModelTruths): StoredValue[] {
  if (role === 'prediction') {
    const output = model.classes.indexOf(label);
    return rows.map(({ outputs }) => {
      const probability = outputs[output];
      return probability === undefined ? null : probability > thresholdAt(model.labelThreshold ?? 0, output);
    });
  }
  return rows.flatMap(({ truth }) => {
    const labels = truth === undefined ? undefined : labelSet(truth, model);
    return labels === undefined ? [] : [labels.has(label)];
  });
}

function truthsOf(reference: ReferenceProfile): ModelTruths {
  const { task, classes, labelSeparator } = reference;
  if (task !== Task.TASK_MULTILABEL) return { classes };
  return { classes, labelSeparator, labelThreshold: thresholdOf(reference) };
}

function qualityAlerts(
  metrics: Readonly<Record<string, number>>,
  baseline: Readonly<Record<string, number>>,
  labelled: number,
  names: readonly string[],
): string[] {
  if (labelled < minimumRows) return [];
  return names.flatMap((name) => {
    const [now, before] = [metrics[name], baseline[name]];
    if (now === undefined || before === undefined) return [];
    const worse = metricDirection(name) === 'higher' ? before - now : now - before;
    return worse > Math.abs(before) * qualityTolerance
      ? [`${name} is ${shown(now)}; it was ${shown(before)} at training`]
      : [];
  });
}

function shown(value: number | null): string {
  return value === null ? '–' : value.toPrecision(4);
}
