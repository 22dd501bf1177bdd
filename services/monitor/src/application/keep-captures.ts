import type { BusEvent } from '@rookery/bus';
import type { Value } from '@rookery/proto/rookery/domain/v1/data';
import type { PredictionsCaptured } from '@rookery/proto/rookery/events/v1/monitoring';

import type { CaptureDocument, Collections } from '../adapters/collections.js';
import type { StoredPredictionRow, StoredValue } from '../domain/prediction-window.js';
import { versionKey } from '../domain/version-key.js';
import type { CaptureSignal } from './capture-signal.js';
import type { Schedule } from './schedule.js';

/** Predictions kept for each model; the oldest batches go first. */
export const predictionsKept = 100_000;

/** Batch numbers remembered for each replica: far more than can be in flight. */
const recentBatches = 500;

/** Predictions between two looks at whether the oldest should go. */
const pruneEvery = 5_000;

/** What keeping captures needs. */
export interface KeepCapturesPorts {
  readonly collections: Collections;
  readonly captured: CaptureSignal;
  readonly schedule: Schedule;
}

/**
 * Handler of ml.prediction.captured: counts the batch once under its replica's life, keeps its predictions, and gives
 * labels that came earlier their version. A batch delivered twice is counted and kept once.
 */
export function keepCaptures(ports: KeepCapturesPorts): (event: BusEvent<PredictionsCaptured>) => Promise<void> {
  const sincePrune = new Map<string, number>();
  return async ({ data }) => {
    const { captures, replicas, labels } = ports.collections;
    const key = versionKey(data.model, data.version);
    await replicas.updateOne(
      { _id: data.replicaLife },
      { $setOnInsert: { batches: 0, lastBatch: 0, dropped: 0, counts: {}, recent: [] } },
      { upsert: true },
    );
    const { modified } = await replicas.updateOne(
      { _id: data.replicaLife, recent: { $nin: [data.batch] } },
      {
        $inc: { batches: 1, [`counts.${key}`]: data.predictions.length },
        $max: { lastBatch: data.batch, dropped: data.droppedTotal },
        $push: { recent: { $each: [data.batch], $slice: -recentBatches } },
      },
    );
    const document = captureDocument(data);
    await captures.insertMany([document], { ignoreDuplicates: true });
    const ids = document.predictions.map((prediction) => prediction.id);
    for (const label of await labels.find({ _id: { $in: ids } })) {
      await labels.updateOne({ _id: label._id }, { $set: { versionKey: key } });
    }
    ports.captured.notify(key);
    if (modified === 0) return;
    ports.schedule.noticed(data.model, data.version, data.predictions.length);
    const since = (sincePrune.get(data.model) ?? 0) + data.predictions.length;
    sincePrune.set(data.model, since >= pruneEvery ? 0 : since);
    if (since >= pruneEvery) await prune(ports.collections, data.model);
  };
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

/** Removes the oldest batches of a model beyond what is kept, with the labels of their predictions. */
async function prune({ captures, labels }: Collections, model: string): Promise<void> {
  const batches = await captures.find(
    { model },
    { sort: { timeMs: -1 }, projection: { timeMs: 1, 'predictions.id': 1 } },
  );
  let kept = 0;
  for (const batch of batches) {
    kept += batch.predictions.length;
    if (kept <= predictionsKept) continue;
    await labels.deleteMany({ _id: { $in: batch.predictions.map(({ id }) => id) } });
    await captures.deleteOne({ _id: batch._id });
  }
}
