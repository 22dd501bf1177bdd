import type { ArtifactStore } from '@rookery/artifacts';
import type { EventMeta, Logger, Outbox } from '@rookery/bus';
import { TerminalError, artifactTypes, attemptParts, derivedEventId, events } from '@rookery/contracts';
import type { Plugins } from '@rookery/plugin';
import { ModelPackage, ReferenceProfile } from '@rookery/proto/rookery/artifacts/v1/artifacts';
import { Gate, Task } from '@rookery/proto/rookery/domain/v1/data';
import type { ArtifactRef, ConfusionMatrix } from '@rookery/proto/rookery/domain/v1/data';
import { FoldTrained, RunStarted } from '@rookery/proto/rookery/events/v1/run';
import type { RunEvaluated } from '@rookery/proto/rookery/events/v1/run';
import type { Collection } from '@rookery/store';
import { servedPipeline, sumConfusions, sumLabelConfusions, summariseMetrics } from '@rookery/tabular';
import type { FittedTransformer, TargetEncoder } from '@rookery/tabular';

import type { EvaluationDocument } from '../adapters/evaluation-collection.js';
import { completeEvaluation } from '../domain/evaluation.js';
import type { CompleteEvaluation } from '../domain/evaluation.js';
import { exampleRow, exampleRowNumbers } from '../domain/example-rows.js';
import { gateVerdict } from '../domain/gate-verdict.js';
import { referenceProfile } from '../domain/reference-profile.js';
import type { ArtifactReader } from './artifact-reader.js';
import { modelOutputs } from './model-outputs.js';
import { tuneThresholds } from './tune-thresholds.js';

/** Joins a run if all its parts are in; does nothing otherwise, and nothing the second time. */
export type JoinRun = (runId: string, cause: EventMeta) => Promise<void>;

/** What joining needs. */
export interface JoinRunPorts {
  readonly evaluations: Collection<EvaluationDocument>;
  readonly reader: ArtifactReader;
  readonly artifacts: Pick<ArtifactStore, 'put'>;
  readonly plugins: Pick<Plugins, 'open' | 'openStep'>;
  readonly outbox: Outbox;
  readonly logger: Logger;
}

/** Rows whose outputs are kept in the package and checked when a replica loads it. */
const goldenRows = 8;

/**
 * Joins the folds of an attempt of a run exactly once, and none of a cancelled one: mean and population standard deviation of every metric, the confusion matrix of
 * all held-out rows, the thresholds of labels where they are tuned, the gate's verdict, the package that inference serves and the reference that the monitor compares
 * with. Concurrent joins in this process are one; those of two processes compute alike, and the update guarded by
 * `joined` lets one of them announce it. Throws RK_MESSAGE_MISSING_FIELD, RK_EVALUATION_FAILED (the final network gives
 * something that is no number), and what the artifact store throws where something is gone.
 */
export function joinRun(ports: JoinRunPorts): JoinRun {
  const { evaluations, outbox } = ports;
  const joining = new Map<string, Promise<void>>();
  return async (runId, cause) => {
    const document = await evaluations.findOne({ _id: runId });
    if (document === null || document.cancelled) return;
    const attempt = document.attempt ?? 1;
    if (document.joined !== true) {
      const complete = completeEvaluation({
        ...(document.plan === undefined ? {} : { plan: RunStarted.fromJSON(JSON.parse(document.plan)) }),
        ...(document.folds === undefined ? {} : { folds: document.folds }),
        ...(document.final === undefined ? {} : { final: FoldTrained.fromJSON(JSON.parse(document.final)) }),
      });
      if (complete === undefined) return;
      const key = `${runId}/${attempt}`;
      let join = joining.get(key);
      if (join === undefined) {
        join = saveJoined(ports, complete, cause, attempt).finally(() => joining.delete(key));
        joining.set(key, join);
      }
      await join;
    }
    await outbox.flush(evaluations, runId);
  };
}

/** Computes the result and saves it together with its announcement, unless that was done already. */
async function saveJoined(
  ports: JoinRunPorts,
  complete: CompleteEvaluation,
  cause: EventMeta,
  attempt: number,
): Promise<void> {
  const { runId } = complete.plan;
  const evaluated = { ...(await evaluate(ports, complete)), runAttempt: attempt };
  const entry = ports.outbox.entry(events.runEvaluated, runId, evaluated, {
    id: derivedEventId(events.runEvaluated.type, runId, ...attemptParts(attempt)),
    cause,
    correlationId: runId,
  });
  const { modified } = await ports.evaluations.updateOne(
    {
      _id: runId,
      joined: { $ne: true },
      cancelled: { $exists: false },
      attempt: attempt === 1 ? { $exists: false } : attempt,
    },
    { $set: { joined: true }, $push: { outbox: entry } },
  );
  if (modified === 1) ports.logger.info({ runId, verdict: evaluated.verdict }, 'run joined');
}

async function evaluate(
  ports: JoinRunPorts,
  complete: CompleteEvaluation,
): Promise<Omit<RunEvaluated, 'runAttempt'>> {
  const { plan, folds, final } = complete;
  const { signature } = plan;
  if (!signature || !final.trained || !final.bundle || !final.dataset) {
    const field = !signature
      ? 'signature'
      : !final.trained
        ? 'trained'
        : !final.bundle
          ? 'bundle'
          : 'dataset';
    throw new TerminalError(
      'RK_MESSAGE_MISSING_FIELD',
      `Run ${plan.runId} can't be joined: it has no ${field}`,
      {
        details: { field, runId: plan.runId },
      },
    );
  }
  const [table, bundle, trained, ...outputs] = await Promise.all([
    ports.reader.table(final.dataset.sha256),
    ports.reader.bundle(final.bundle.sha256),
    ports.reader.trained(final.trained.sha256),
    ...folds.map((fold) => ports.reader.outputs(fold.outputsSha256)),
  ]);
  const encoder = JSON.parse(bundle.targetJson) as TargetEncoder;
  const { weightColumn } = bundle;
  const tuned =
    encoder.threshold === 'tuned'
      ? await tuneThresholds(
          ports.reader,
          { runId: plan.runId, folds },
          { table, encoder, outputs, weightColumn },
        )
      : undefined;
  const judged = tuned?.folds ?? folds;
  const labelThresholds = [...(tuned?.thresholds ?? [])];
  const served = tuned === undefined ? signature : { ...signature, labelThresholds };
  const metrics = summariseMetrics(judged.map((fold) => fold.metrics));
  const examples = exampleRowNumbers(table, signature, goldenRows);
  const rows = examples.map((row) => exampleRow(table, signature, row));
  const width = trained.outputs;
  const transformer = JSON.parse(bundle.transformerJson) as FittedTransformer;
  const golden = await modelOutputs(ports.plugins, {
    trained,
    transformer,
    table,
    rows: examples,
    classes: signature.classes,
    what: 'evaluation of the final model',
    check: 'weights',
  });
  const packageBytes = ModelPackage.encode({
    model: plan.model,
    runId: plan.runId,
    trained,
    transformerJson:
      transformer.version === 2 ? JSON.stringify(servedPipeline(transformer)) : bundle.transformerJson,
    targetJson:
      tuned === undefined ? bundle.targetJson : JSON.stringify({ ...encoder, threshold: labelThresholds }),
    signature: served,
    inputExample: rows[0],
    golden: rows.map((row, index) => ({
      row,
      outputs: Array.from(golden.subarray(index * width, (index + 1) * width)),
    })),
    environment: final.environment,
    metrics,
  }).finish();
  const reference = referenceProfile({
    model: plan.model,
    runId: plan.runId,
    table,
    signature: served,
    encoder,
    outputs,
    metrics,
  });
  const [storedPackage, storedReference]: [ArtifactRef, ArtifactRef] = await Promise.all([
    ports.artifacts.put(packageBytes, artifactTypes.modelPackage),
    ports.artifacts.put(ReferenceProfile.encode(reference).finish(), artifactTypes.referenceProfile),
  ]);
  return {
    runId: plan.runId,
    model: plan.model,
    task: plan.task,
    metrics: metrics,
    folds: judged.map(({ fold, metrics: values, rows: count }) => ({
      fold,
      metrics: { ...values },
      rows: count,
    })),
    confusion: confusionOf(complete),
    labelConfusions: sumLabelConfusions(judged.map((fold) => fold.labelConfusions ?? [])),
    labelThresholds,
    verdict: gateVerdict(plan.gate ?? Gate.fromPartial({}), metrics),
    trained: final.trained,
    package: storedPackage,
    reference: storedReference,
    environment: final.environment,
    trainedSha256: [...folds.map((fold) => fold.trainedSha256), final.trained.sha256],
  };
}

function confusionOf({ plan, folds }: CompleteEvaluation): ConfusionMatrix | undefined {
  const classes = plan.signature?.classes ?? [];
  if (classes.length === 0 || plan.task === Task.TASK_MULTILABEL) return undefined;
  const { counts } = sumConfusions(folds.map((fold) => ({ labels: classes, counts: fold.confusion })));
  return { classes: [...classes], counts: counts.flat() };
}
