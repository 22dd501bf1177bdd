import type { PredictResponse } from '@rookery/proto/rookery/inference/v1/inference';
import { formatLabelSet, labelsAbove } from '@rookery/tabular';

import type { LoadedModel } from './loaded-model.js';
import { predictionId } from './prediction-ids.js';

/** What an answer needs to know of a model. */
export type AnsweringModel = Pick<
  LoadedModel,
  'name' | 'version' | 'classes' | 'outputs' | 'regression' | 'labelSets' | 'toTargetUnit'
>;

const none: string[] = [];

/** An answer without predictions yet. */
export function emptyAnswer(model: AnsweringModel): PredictResponse {
  return { model: model.name, version: model.version, classes: model.classes, predictions: [] };
}

/**
 * Adds the predictions of `rows` rows of outputs to the answer: label of the highest probability (the first of equal
 * ones; of a multi-label model all labels above the threshold) and all probabilities, or the number of a regression. Rows
 * are numbered on from those that the answer has.
 */
export function addPredictions(
  answer: PredictResponse,
  model: AnsweringModel,
  callId: string,
  outputs: Float32Array,
  rows: number,
): void {
  const width = model.outputs;
  for (let r = 0; r < rows; r += 1) {
    const id = predictionId(callId, answer.predictions.length);
    const at = r * width;
    if (model.regression) {
      answer.predictions.push({
        predictionId: id,
        label: '',
        probabilities: [],
        value: model.toTargetUnit(outputs[at]!),
        labels: [],
      });
      continue;
    }
    const probabilities = new Array<number>(width);
    let best = 0;
    for (let k = 0; k < width; k += 1) {
      const probability = outputs[at + k]!;
      probabilities[k] = probability;
      if (probability > probabilities[best]!) best = k;
    }
    const { labelSets } = model;
    const labels = labelSets && labelsAbove(model.classes, probabilities, labelSets.threshold);
    answer.predictions.push({
      predictionId: id,
      label: labels ? formatLabelSet(labels, labelSets.separator) : model.classes[best]!,
      probabilities,
      value: undefined,
      labels: labels ?? none,
    });
  }
}
