import { randomUUID } from 'node:crypto';

import type { Bus, BusEvent } from '@rookery/bus';
import { RookeryError, derivedEventId, events, isKey } from '@rookery/contracts';
import type { LabelReceived } from '@rookery/proto/rookery/events/v1/dataset';
import type { AddLabelsRequest, AddLabelsResponse } from '@rookery/proto/rookery/monitor/v1/monitor';

import type { Collections } from '../adapters/collections.js';
import { labelFits } from '../domain/model-quality.js';
import { versionKey } from '../domain/version-key.js';

/** Most labels of one call. */
const mostLabels = 10_000;

/** Labels published at the same time by one call. */
const publishedAtOnce = 64;

/** Longest prediction id and label that are taken. */
const longestText = 256;

/** Most labels of one multi-label row: as many as a model may have. */
const mostLabelsOfRow = 1_000;

/** A label as a caller or an event gives it. */
type GivenLabel = Pick<LabelReceived, 'predictionId' | 'label' | 'labels'>;

/** Key of a label event where the model is not named. */
const anyModel = 'any';

/**
 * Handler of ml.label.received: keeps the newest label of a prediction (by its time, then by its place in the log), whether
 * the prediction was captured already or comes later. Throws RK_MESSAGE_MISSING_FIELD, RK_LABEL_INVALID.
 */
export function keepLabel({
  labels,
  captures,
}: Collections): (event: BusEvent<LabelReceived>) => Promise<void> {
  return async ({ data, time, sequence }) => {
    const { predictionId } = data;
    checkLabel(data, 0);
    const label = labelText(data);
    const newest = { label, timeMs: time.getTime(), sequence };
    if ((await labels.insertMany([{ _id: predictionId, ...newest }], { ignoreDuplicates: true })) === 0) {
      const { timeMs } = newest;
      const older = { $or: [{ timeMs: { $lt: timeMs } }, { timeMs, sequence: { $lt: sequence } }] };
      await labels.updateOne({ _id: predictionId, ...older }, { $set: newest });
    }
    // Only now: a batch that is being kept at this moment either is found here, or finds the label.
    const found = { limit: 1, projection: { model: 1, version: 1 } } as const;
    const [batch] = await captures.find({ 'predictions.id': predictionId }, found);
    if (batch === undefined) return;
    const key = versionKey(batch.model, batch.version);
    await labels.updateOne({ _id: predictionId, versionKey: { $ne: key } }, { $set: { versionKey: key } });
  };
}

/** A label, or the labels of a multi-label row, as they are kept: a set is a JSON list. */
function labelText({ label, labels }: GivenLabel): string {
  return labels.length === 0 ? label : JSON.stringify(labels);
}

function checkLabel({ predictionId, label, labels }: GivenLabel, index: number): void {
  const wrong =
    predictionId === '' ? 'prediction_id' : label === '' && labels.length === 0 ? 'label' : undefined;
  const details = { index: String(index), predictionId: predictionId.slice(0, longestText) };
  if (wrong !== undefined) {
    throw new RookeryError('RK_MESSAGE_MISSING_FIELD', `Label ${index} has no ${wrong}`, {
      details: { field: wrong, ...details },
    });
  }
  if (label !== '' && labels.length > 0) {
    throw new RookeryError('RK_LABEL_INVALID', `Label ${index} has both label and labels; give one of them`, {
      details,
    });
  }
  if (labels.length > mostLabelsOfRow) {
    throw new RookeryError('RK_LABEL_INVALID', `Label ${index} has more than ${mostLabelsOfRow} labels`, {
      details,
    });
  }
  if ([predictionId, label, ...labels].some((text) => text.length > longestText)) {
    throw new RookeryError('RK_LABEL_INVALID', `Label ${index} is longer than ${longestText} characters`, {
      details,
    });
  }
}

/**
 * Handler of MonitorService.AddLabels: publishes each label as ml.label.received, so that it is in the log, and answers
 * when all are stored there. Calling it again changes nothing; a label given later replaces an earlier one. Where the
 * model is named and known, its labels have to fit one of its versions. Errors, each naming the label's index, before
 * anything is published: RK_REQUEST_INVALID (none, too many, two labels for one prediction), RK_MESSAGE_MISSING_FIELD,
 * RK_LABEL_INVALID.
 */
export function addLabels(ports: {
  readonly bus: Pick<Bus, 'publish'>;
  readonly collections: Pick<Collections, 'versions'>;
}): (request: AddLabelsRequest) => Promise<AddLabelsResponse> {
  const { bus, collections } = ports;
  return async ({ labels, model }) => {
    checkRequest(labels);
    const versions = model === '' ? [] : await collections.versions.find({ model });
    const known = versions.flatMap(({ classes, labelSeparator }) =>
      classes === undefined ? [] : [{ classes, labelSeparator }],
    );
    labels.forEach((given, index) => {
      const { predictionId } = given;
      const label = labelText(given);
      if (known.length === 0 || known.some((truths) => labelFits(label, truths))) return;
      const { classes = [], labelSeparator } = known.at(-1) ?? {};
      const names = classes.join(', ') || 'a number';
      const wanted =
        labelSeparator === undefined ? names : `any of ${names}, with ${labelSeparator} between them`;
      const text = `Label ${index} of ${model}, ${JSON.stringify(label)}, does not fit: expected is ${wanted}`;
      throw new RookeryError('RK_LABEL_INVALID', text, {
        details: { index: String(index), predictionId, label },
      });
    });
    const key = isKey(model) ? model : anyModel;
    // Of this call: a label that is taken back and given again later is an event again.
    const call = randomUUID();
    for (let at = 0; at < labels.length; at += publishedAtOnce) {
      await Promise.all(
        labels
          .slice(at, at + publishedAtOnce)
          .map(({ predictionId, label, labels: set }) =>
            bus.publish(
              events.labelReceived,
              key,
              { predictionId, label, model, labels: set },
              { id: derivedEventId(events.labelReceived.type, predictionId, call) },
            ),
          ),
      );
    }
    return { accepted: labels.length };
  };
}

function checkRequest(labels: AddLabelsRequest['labels']): void {
  const refuse = (message: string, details: Record<string, string> = {}): never => {
    throw new RookeryError('RK_REQUEST_INVALID', message, { details: { field: 'labels', ...details } });
  };
  if (labels.length === 0) refuse('The request has no labels');
  if (labels.length > mostLabels) refuse(`${labels.length} labels are more than ${mostLabels} at once`);
  const seen = new Map<string, string>();
  labels.forEach((given, index) => {
    const { predictionId } = given;
    checkLabel(given, index);
    const label = labelText(given);
    if ((seen.get(predictionId) ?? label) !== label) {
      refuse(`Label ${index} is another one for the prediction ${predictionId}`, {
        index: String(index),
        predictionId,
      });
    }
    seen.set(predictionId, label);
  });
}
