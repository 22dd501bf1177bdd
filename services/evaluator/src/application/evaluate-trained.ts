import type { ArtifactStore } from '@rookery/artifacts';
import type { BusEvent, Outbox } from '@rookery/bus';
import {
  TerminalError,
  artifactTypes,
  attemptParts,
  decodeRowNumbers,
  derivedEventId,
  events,
} from '@rookery/contracts';
import type { Plugins } from '@rookery/plugin';
import type { ArtifactRef } from '@rookery/proto/rookery/domain/v1/data';
import { FoldTrained } from '@rookery/proto/rookery/events/v1/run';
import type { FoldEvaluated } from '@rookery/proto/rookery/events/v1/run';
import type { Collection } from '@rookery/store';
import type { FittedTransformer, TargetEncoder } from '@rookery/tabular';

import type { EvaluationDocument } from '../adapters/evaluation-collection.js';
import type { FoldResult } from '../domain/evaluation.js';
import { heldOutQuality } from '../domain/fold-metrics.js';
import type { ArtifactReader } from './artifact-reader.js';
import type { JoinRun } from './join-run.js';
import type { JoinTrial } from './join-trial.js';
import { modelOutputs } from './model-outputs.js';
import { oneAtATime } from './one-at-a-time.js';

/**
 * Held-out rows from which on a fold is evaluated alone: while one is computed the process can't answer, and a store that
 * another fold's outputs are on their way to would seem to be away.
 */
const rowsAlone = 10_000;

const alone = oneAtATime();

/** What keeping the result of a fold needs. */
export interface KeepTrainedPorts {
  readonly evaluations: Collection<EvaluationDocument>;
  readonly reader: ArtifactReader;
  readonly artifacts: Pick<ArtifactStore, 'put'>;
  readonly plugins: Pick<Plugins, 'open' | 'openStep'>;
  readonly outbox: Outbox;
}

/** What evaluating needs. */
export interface EvaluateTrainedPorts extends KeepTrainedPorts {
  readonly join: JoinRun;
  readonly joinTrial: JoinTrial;
}

/**
 * Handler of ml.fold.trained: evaluates a fold on its held-out rows and keeps the result under the fold's number, so that
 * a fold delivered twice counts once; keeps the final model as it is; then joins if that was the last part. What still
 * comes of a cancelled run is passed over. Throws RK_MESSAGE_MISSING_FIELD, RK_EVALUATION_FAILED (the network gives something that is no number), and what the artifact
 * store throws where the data set, the bundle or the network is gone.
 */
export function evaluateTrained(
  ports: EvaluateTrainedPorts,
): (event: BusEvent<FoldTrained>) => Promise<void> {
  return async (event) => {
    const { data } = event;
    const { evaluations } = ports;
    await keepTrained(ports, event);
    // The result is saved, so the join need not wait until it is announced; the outbox keeps the order of the two.
    await Promise.all([
      ports.outbox.flush(evaluations, data.runId),
      data.trial === undefined ? ports.join(data.runId, event) : ports.joinTrial(data, event),
    ]);
  };
}

/** Keeps what a trained job gives to its run, once; does nothing where the run is cancelled. */
export async function keepTrained(ports: KeepTrainedPorts, event: BusEvent<FoldTrained>): Promise<void> {
  const { data } = event;
  const { evaluations } = ports;
  const known = await evaluations.findOne({ _id: data.runId });
  if (known?.cancelled) return;
  // The folds of a trial carry an id of their own: what is cancelled is the run that searches.
  if (data.trial && (await evaluations.findOne({ _id: data.trial.searchId }))?.cancelled) return;
  if (data.final) {
    await evaluations.updateOne(
      { _id: data.runId },
      { $set: { final: JSON.stringify(FoldTrained.toJSON(data)) } },
      { upsert: true },
    );
  } else if (!known?.folds?.[String(data.fold)]) {
    await keepFold(ports, event, known?.attempt ?? 1);
  }
}

async function keepFold(
  ports: KeepTrainedPorts,
  event: BusEvent<FoldTrained>,
  attempt: number,
): Promise<void> {
  const { data } = event;
  const { result, classes, outputs } = await evaluateFold(ports, data);
  const path = `folds.${data.fold}`;
  const announcement: FoldEvaluated = {
    runId: data.runId,
    result: { fold: data.fold, metrics: { ...result.metrics }, rows: result.rows },
    confusion: result.confusion.length === 0 ? undefined : { classes, counts: result.confusion.flat() },
    labelConfusions: [...(result.labelConfusions ?? [])],
    outputs,
    trainedSha256: result.trainedSha256,
    bundleSha256: result.bundleSha256 ?? '',
    trial: data.trial,
  };
  const entry = ports.outbox.entry(events.foldEvaluated, data.runId, announcement, {
    id: derivedEventId(events.foldEvaluated.type, data.runId, String(data.fold), ...attemptParts(attempt)),
    cause: event,
    correlationId: data.runId,
  });
  // The document may not exist yet; after that the guard lets one of two concurrent deliveries write.
  await ports.evaluations.updateOne({ _id: data.runId }, {}, { upsert: true });
  await ports.evaluations.updateOne(
    { _id: data.runId, [path]: { $exists: false }, cancelled: { $exists: false } },
    { $set: { [path]: result }, $push: { outbox: entry } },
  );
}

/** Evaluates a fold on its held-out rows and stores the network's outputs for them. */
export async function evaluateFold(
  ports: Pick<KeepTrainedPorts, 'reader' | 'artifacts' | 'plugins'>,
  data: FoldTrained,
): Promise<{ result: FoldResult; classes: string[]; outputs: ArtifactRef }> {
  const { dataset, bundle, trained } = data;
  if (!dataset || !bundle || !trained) {
    const field = !dataset ? 'dataset' : !bundle ? 'bundle' : 'trained';
    throw new TerminalError(
      'RK_MESSAGE_MISSING_FIELD',
      `Fold ${data.fold} of ${data.runId} has no ${field}`,
      {
        details: { field, runId: data.runId, fold: String(data.fold) },
      },
    );
  }
  const [table, fold, network] = await Promise.all([
    ports.reader.table(dataset.sha256),
    ports.reader.bundle(bundle.sha256),
    ports.reader.trained(trained.sha256),
  ]);
  const rows = decodeRowNumbers(fold.testRows);
  const work = async (): Promise<{ result: FoldResult; classes: string[]; outputs: ArtifactRef }> => {
    const encoder = JSON.parse(fold.targetJson) as TargetEncoder;
    const outputs = await modelOutputs(ports.plugins, {
      trained: network,
      transformer: JSON.parse(fold.transformerJson) as FittedTransformer,
      table,
      rows,
      classes: encoder.labels,
      what: `evaluation of fold ${data.fold}`,
      check: 'topology',
    });
    const quality = heldOutQuality(table, encoder, rows, outputs, fold.weightColumn);
    const stored = await ports.artifacts.put(
      new Uint8Array(outputs.buffer, outputs.byteOffset, outputs.byteLength),
      artifactTypes.heldOutPredictions,
    );
    return {
      result: {
        fold: data.fold,
        ...quality,
        trainedSha256: trained.sha256,
        outputsSha256: stored.sha256,
        ...(encoder.threshold === 'tuned' ? { bundleSha256: bundle.sha256 } : {}),
      },
      classes: [...encoder.labels],
      outputs: stored,
    };
  };
  return rows.length < rowsAlone ? work() : alone(work);
}
