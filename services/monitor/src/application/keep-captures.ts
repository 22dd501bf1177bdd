import { TerminalError, requireKey } from '@rookery/contracts';
import type { BusEvent } from '@rookery/bus';
import type { Value } from '@rookery/proto/rookery/domain/v1/data';
import type { PredictionsCaptured } from '@rookery/proto/rookery/events/v1/monitoring';

import type { CaptureDocument, Collections } from '../adapters/collections.js';
import { emptyLedger, takeBatch } from '../domain/batch-ledger.js';
import type { StoredPredictionRow, StoredValue } from '../domain/prediction-window.js';
import { versionKey } from '../domain/version-key.js';
import type { CaptureSignal } from './capture-signal.js';
import { pruneCaptures } from './prune-captures.js';
import type { Schedule } from './schedule.js';

/** Predictions of a model between two looks at whether the oldest should go. */
const pruneEvery = 5_000;

/** What keeping captures needs. */
export interface KeepCapturesPorts {
  readonly collections: Collections;
  readonly captured: CaptureSignal;
  readonly schedule: Pick<Schedule, 'noticed'>;
  /** Predictions kept for each model; the oldest batches go first. */
  readonly keep: number;
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
}

/**
 * Handler of ml.prediction.captured: counts the batch once under its replica's life, keeps its predictions, and gives
 * labels that came earlier their version. A batch delivered twice, or again after a crash at any point, is counted and
 * kept once. The version need not be registered yet. Throws RK_MESSAGE_MISSING_FIELD, RK_KEY_INVALID.
 */
export function keepCaptures(
  ports: KeepCapturesPorts,
): (event: BusEvent<PredictionsCaptured>) => Promise<void> {
  const sincePrune = new Map<string, number>();
  const prunedUpTo = new Map<string, number>();
  return async ({ data }) => {
    checkBatch(data);
    const { captures, labels } = ports.collections;
    const key = versionKey(data.model, data.version);
    const count = data.predictions.length;
    const fresh = await countOnce(ports.collections, data, key);
    const document = captureDocument(data);
    // Counted before, and gone by now: the log brings all again after a rebuild.
    if (!fresh && document.timeMs <= (prunedUpTo.get(data.model) ?? -Infinity)) return;
    await captures.insertMany([document], { ignoreDuplicates: true });
    const ids = document.predictions.map((prediction) => prediction.id);
    for (const label of await labels.find({ _id: { $in: ids } }, { projection: { _id: 1 } })) {
      await labels.updateOne({ _id: label._id }, { $set: { versionKey: key } });
    }
    ports.captured.notify(data.model);
    if (fresh) ports.schedule.noticed(data.model, data.version, count);
    // Also for a batch that was counted before: it may have been pruned since, and is back.
    const since = (sincePrune.get(data.model) ?? 0) + count;
    sincePrune.set(data.model, since >= pruneEvery ? 0 : since);
    if (since < pruneEvery) return;
    const newestGone = await pruneCaptures(ports.collections, data.model, ports.keep, ports.clock());
    if (newestGone > (prunedUpTo.get(data.model) ?? -Infinity)) prunedUpTo.set(data.model, newestGone);
  };
}

function checkBatch(data: PredictionsCaptured): void {
  const field =
    data.replicaLife === '' ? 'replica_life' : data.batch < 1 ? 'batch' : data.version < 1 ? 'version' : '';
  if (field !== '') {
    throw new TerminalError(
      'RK_MESSAGE_MISSING_FIELD',
      `A batch of captures of ${data.model} has no ${field}`,
      {
        details: { field, model: data.model },
      },
    );
  }
  requireKey(data.model, 'model');
}

/** Counts the batch unless it was counted before; whether it did. Two monitors that take the same batch count it once. */
async function countOnce(
  { replicas }: Collections,
  data: PredictionsCaptured,
  key: string,
): Promise<boolean> {
  const _id = data.replicaLife;
  for (;;) {
    const known = await replicas.findOne({ _id });
    if (known === null) {
      const empty = { _id, batches: 0, lastBatch: 0, dropped: 0, counts: {}, ledger: emptyLedger };
      await replicas.insertMany([empty], { ignoreDuplicates: true });
      continue;
    }
    const ledger = takeBatch(known.ledger, data.batch);
    if (ledger === undefined) return false;
    // `batches` grows with every change: the update finds the document only as it was read.
    const { matched } = await replicas.updateOne(
      { _id, batches: known.batches },
      {
        $inc: { batches: 1, [`counts.${key}`]: data.predictions.length },
        $max: { lastBatch: data.batch, dropped: data.droppedTotal },
        $set: { ledger },
      },
    );
    if (matched === 1) return true;
  }
}

function captureDocument(data: PredictionsCaptured): CaptureDocument {
  const predictions: StoredPredictionRow[] = data.predictions.map((prediction) => ({
    id: prediction.predictionId,
    t: prediction.timeMs,
    v: prediction.values.map(storedValue),
    label: prediction.label,
    out: prediction.outputs,
  }));
  return {
    _id: `${data.replicaLife}-${data.batch}`,
    model: data.model,
    version: data.version,
    timeMs: predictions.reduce((newest, { t }) => Math.max(newest, t), 0),
    features: data.features,
    classes: data.classes,
    predictions,
  };
}

function storedValue(value: Value): StoredValue {
  return value.kind?.value ?? null;
}
