import type { Bus, BusEvent } from '@rookery/bus';
import { RookeryError, derivedEventId, events, isKey } from '@rookery/contracts';
import type { LabelReceived } from '@rookery/proto/rookery/events/v1/dataset';
import type { AddLabelsRequest, AddLabelsResponse } from '@rookery/proto/rookery/monitor/v1/monitor';

import type { Collections } from '../adapters/collections.js';
import { versionKey } from '../domain/version-key.js';

/** Most labels of one call. */
const mostLabels = 10_000;

/** Labels published at the same time by one call. */
const publishedAtOnce = 64;

/** Longest prediction id and label that are taken. */
const longestText = 256;

/** Key of a label event where the model is not named. */
const anyModel = 'any';

/**
 * Handler of ml.label.received: keeps the newest label of a prediction, whether the prediction was captured already or
 * comes later.
 */
export function keepLabel({ labels, captures }: Collections): (event: BusEvent<LabelReceived>) => Promise<void> {
  return async ({ data, time }) => {
    const { predictionId, label } = data;
    checkLabel(predictionId, label, 0);
    const timeMs = time.getTime();
    const batch = (await captures.find({ 'predictions.id': predictionId }, { limit: 1, projection: { model: 1, version: 1 } }))[0];
    const known = batch ? { versionKey: versionKey(batch.model, batch.version) } : {};
    await labels.updateOne({ _id: predictionId }, { $setOnInsert: { label, timeMs } }, { upsert: true });
    await labels.updateOne({ _id: predictionId, timeMs: { $lte: timeMs } }, { $set: { label, timeMs, ...known } });
  };
}

function checkLabel(predictionId: string, label: string, index: number): void {
  const wrong = predictionId === '' ? 'prediction_id' : label === '' ? 'label' : undefined;
  if (wrong !== undefined) {
    throw new RookeryError('RK_MESSAGE_MISSING_FIELD', `Label ${index} has no ${wrong}`, { details: { field: wrong, index: String(index) } });
  }
  if (predictionId.length > longestText || label.length > longestText) {
    throw new RookeryError('RK_LABEL_INVALID', `Label ${index} is longer than ${longestText} characters`, { details: { index: String(index) } });
  }
}

/**
 * Handler of MonitorService.AddLabels: publishes each label as ml.label.received, so that it is in the log, and answers
 * when all are stored there. The same label for the same prediction is one event.
 */
export function addLabels(bus: Pick<Bus, 'publish'>): (request: AddLabelsRequest) => Promise<AddLabelsResponse> {
  return async ({ labels, model }) => {
    if (labels.length === 0) throw new RookeryError('RK_REQUEST_INVALID', 'The request has no labels', { details: { field: 'labels' } });
    if (labels.length > mostLabels) {
      throw new RookeryError('RK_REQUEST_INVALID', `${labels.length} labels are more than ${mostLabels} at once`, { details: { field: 'labels' } });
    }
    labels.forEach(({ predictionId, label }, index) => {
      checkLabel(predictionId, label, index);
    });
    const key = isKey(model) ? model : anyModel;
    for (let at = 0; at < labels.length; at += publishedAtOnce) {
      await Promise.all(
        labels.slice(at, at + publishedAtOnce).map(({ predictionId, label }) =>
          bus.publish(
            events.labelReceived,
            key,
            { predictionId, label, model },
            { id: derivedEventId(events.labelReceived.type, predictionId, label) },
          ),
        ),
      );
    }
    return { accepted: labels.length };
  };
}
