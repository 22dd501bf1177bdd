import { rowFromProto } from '@rookery/client';
import type { PlainRow } from '@rookery/client';
import { columnTypeFromProto } from '@rookery/contracts';
import type { ColumnTypeName } from '@rookery/contracts';
import type {
  ColumnReport,
  DatasetDrift,
  MonitorReported,
} from '@rookery/proto/rookery/events/v1/monitoring';
import type { StoredPrediction } from '@rookery/proto/rookery/monitor/v1/monitor';

/** One column of a report, with a word for its type. */
export type ColumnReportView = Omit<ColumnReport, 'type' | 'statistic' | 'pValue'> & {
  readonly type: ColumnTypeName | '';
  readonly statistic: number | null;
  readonly pValue: number | null;
};

/** The result of one comparison with the reference. */
export type ReportView = Omit<MonitorReported, 'columns' | 'datasetDrift'> & {
  readonly columns: readonly ColumnReportView[];
  readonly datasetDrift: DatasetDrift | null;
};

/** A prediction that was captured; `truth` is null where it is not known. */
export interface PredictionView {
  readonly predictionId: string;
  readonly version: number;
  readonly timeMs: number;
  readonly row: PlainRow;
  readonly label: string;
  readonly outputs: readonly number[];
  readonly truth: string | null;
  /** Labels of a multi-label model; empty for any other. */
  readonly labels: readonly string[];
}

/** A report as the console shows it. */
export function reportView(report: MonitorReported): ReportView {
  return {
    ...report,
    columns: report.columns.map((column) => ({
      ...column,
      type: columnTypeFromProto(column.type) ?? '',
      statistic: column.statistic ?? null,
      pValue: column.pValue ?? null,
    })),
    datasetDrift: report.datasetDrift ?? null,
  };
}

/** A prediction as the console shows it. */
export function predictionView(prediction: StoredPrediction): PredictionView {
  return {
    predictionId: prediction.predictionId,
    version: prediction.version,
    timeMs: prediction.timeMs,
    row: rowFromProto(prediction.row),
    label: prediction.label,
    outputs: prediction.outputs,
    truth: prediction.truth ?? null,
    labels: prediction.labels,
  };
}
