import { rowFromProto } from '@rookery/client';
import type { PlainRow } from '@rookery/client';
import type {
  ConfusionMatrix,
  LabelConfusion,
  PluginRef,
  TrainingEnvironment,
} from '@rookery/proto/rookery/domain/v1/data';
import { RejectionStage } from '@rookery/proto/rookery/events/v1/model';
import type { Alias, Model, ModelVersion } from '@rookery/proto/rookery/registry/v1/registry';

import { environmentView, headlineMetric, metricsView, signatureView } from './signature-view.js';
import type { NamedMetric, SignatureView } from './signature-view.js';

/** A model in a list. */
export interface ModelView {
  readonly name: string;
  readonly aliases: readonly Alias[];
  readonly latestVersion: number;
  readonly versions: number;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
}

/** A version of a model. */
export interface ModelVersionView {
  readonly version: number;
  readonly aliases: readonly string[];
  readonly runId: string;
  readonly createdAtMs: number;
  readonly metric: NamedMetric | null;
  readonly metrics: readonly NamedMetric[];
  readonly folds: readonly {
    readonly fold: number;
    readonly rows: number;
    readonly metrics: Readonly<Record<string, number>>;
  }[];
  readonly confusion: ConfusionMatrix | null;
  /** Multi-label: counts of each label; empty for any other task. */
  readonly labelConfusions: readonly LabelConfusion[];
  readonly signature: SignatureView | null;
  readonly inputExample: PlainRow;
  readonly packageSha256: string;
  readonly packageBytes: number;
  readonly lineage: LineageView | null;
  readonly refusals: readonly {
    readonly stage: string;
    readonly replica: string;
    readonly code: string;
    readonly reasons: readonly string[];
  }[];
}

/** Everything needed to make a version again. */
export interface LineageView {
  readonly datasetId: string;
  readonly datasetName: string;
  readonly datasetVersion: number;
  readonly datasetSha256: string;
  readonly sourceUri: string;
  readonly requestEventId: string;
  readonly folds: number;
  readonly stratified: boolean;
  readonly seed: number;
  readonly modelSpec: unknown;
  /** Code of users that has a part in it: transforms, then the model. */
  readonly plugins: readonly PluginRef[];
  readonly environment: TrainingEnvironment | null;
  readonly traceId: string;
}

/** A model as the list shows it. */
export function modelView(model: Model): ModelView {
  return {
    name: model.name,
    aliases: model.aliases,
    latestVersion: model.latestVersion,
    versions: model.versions,
    createdAtMs: model.createdAtMs,
    updatedAtMs: model.updatedAtMs,
  };
}

/** A version with everything known of it. */
export function modelVersionView(version: ModelVersion): ModelVersionView {
  const name = headlineMetric(version.metrics, version.lineage?.request?.gate?.metric ?? '');
  const metrics = metricsView(version.metrics, name);
  const lineage = version.lineage;
  return {
    version: version.version,
    aliases: version.aliases,
    runId: version.runId,
    createdAtMs: version.createdAtMs,
    metric: metrics.find((metric) => metric.name === name) ?? null,
    metrics,
    folds: version.folds.map(({ fold, rows, metrics: values }) => ({ fold, rows, metrics: values })),
    confusion: version.confusion && version.confusion.classes.length > 0 ? version.confusion : null,
    labelConfusions: version.labelConfusions,
    signature: signatureView(version.signature),
    inputExample: rowFromProto(version.inputExample),
    packageSha256: version.package?.sha256 ?? '',
    packageBytes: version.package?.bytes ?? 0,
    lineage: lineage
      ? {
          datasetId: lineage.datasetId,
          datasetName: lineage.datasetName,
          datasetVersion: lineage.datasetVersion,
          datasetSha256: lineage.datasetSha256,
          sourceUri: lineage.sourceUri,
          requestEventId: lineage.requestEventId,
          folds: lineage.folds,
          stratified: lineage.stratified,
          seed: lineage.seed,
          modelSpec: lineage.modelSpec ?? null,
          plugins: lineage.plugins,
          environment: environmentView(lineage.environment),
          traceId: lineage.traceId,
        }
      : null,
    refusals: version.refusals.map(({ stage, replica, code, reasons }) => ({
      stage: stageOf(stage),
      replica,
      code,
      reasons,
    })),
  };
}

function stageOf(stage: RejectionStage): string {
  if (stage === RejectionStage.REJECTION_STAGE_GATE) return 'gate';
  if (stage === RejectionStage.REJECTION_STAGE_CHAMPION) return 'champion';
  return stage === RejectionStage.REJECTION_STAGE_SERVING ? 'serving' : '';
}
