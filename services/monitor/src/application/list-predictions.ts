import type { Value } from '@rookery/proto/rookery/domain/v1/data';
import type {
  ListPredictionsRequest,
  ListPredictionsResponse,
} from '@rookery/proto/rookery/monitor/v1/monitor';
import { formatLabelSet } from '@rookery/tabular';

import type { CaptureDocument, Collections, VersionDocument } from '../adapters/collections.js';
import { labelSet } from '../domain/model-quality.js';
import type { StoredValue } from '../domain/prediction-window.js';
import { versionKey } from '../domain/version-key.js';
import { labelsOf } from './reporter.js';

/** Most predictions of one listing, and most cells of them: an answer must fit into a message of 4 MiB. */
const mostPredictions = 10_000;
const mostCells = 60_000;

/** Batches of the first read; each further one takes twice as many. */
const firstRead = 64;

/** Handler of MonitorService.ListPredictions: the newest captured predictions first, with their labels. */
export function listPredictions(
  collections: Collections,
): (request: ListPredictionsRequest) => Promise<ListPredictionsResponse> {
  return async (request) => {
    const limit = Math.min(request.limit || 100, mostPredictions);
    const filter = {
      ...(request.model === '' ? {} : { model: request.model }),
      ...(request.version === 0 ? {} : { version: request.version }),
    };
    const predictions: ListPredictionsResponse['predictions'] = [];
    const seen = new Set<string>();
    let cells = 0;
    for (let skip = 0, most = firstRead; predictions.length < limit; skip += most, most *= 2) {
      const page = await collections.captures.find(filter, { sort: { timeMs: -1 }, limit: most, skip });
      const labels = await labelsOf(
        collections,
        page.flatMap((batch) => batch.predictions.map(({ id }) => id)),
      );
      const models = await modelsOf(collections, page);
      for (const batch of page) {
        // A batch that comes in between two reads moves the others to the next page.
        if (seen.has(batch._id)) continue;
        seen.add(batch._id);
        const rows = stored(batch, labels, models.get(versionKey(batch.model, batch.version))).filter(
          (row) => request.labelled === undefined || request.labelled === (row.truth !== undefined),
        );
        const room = Math.floor((mostCells - cells) / Math.max(1, batch.features.length));
        const fitting = rows.slice(0, Math.max(predictions.length === 0 ? 1 : 0, room));
        cells += fitting.length * batch.features.length;
        predictions.push(...fitting.slice(0, limit - predictions.length));
        if (fitting.length < rows.length) return { predictions };
      }
      if (page.length < most) break;
    }
    return { predictions };
  };
}

/** What is known of the versions that gave these predictions. */
async function modelsOf(
  { versions }: Pick<Collections, 'versions'>,
  batches: readonly CaptureDocument[],
): Promise<Map<string, VersionDocument>> {
  const keys = [...new Set(batches.map(({ model, version }) => versionKey(model, version)))];
  return new Map((await versions.find({ _id: { $in: keys } })).map((version) => [version._id, version]));
}

function stored(
  batch: CaptureDocument,
  labels: ReadonlyMap<string, string>,
  model: VersionDocument | undefined,
): ListPredictionsResponse['predictions'] {
  return [...batch.predictions]
    .sort((a, b) => b.t - a.t)
    .map((prediction) => ({
      predictionId: prediction.id,
      model: batch.model,
      version: batch.version,
      timeMs: prediction.t,
      row: {
        values: Object.fromEntries(
          batch.features.map((name, index) => [name, valueOf(prediction.v[index] ?? null)]),
        ),
      },
      label: prediction.label,
      outputs: [...prediction.out],
      ...truthOf(labels.get(prediction.id), batch.classes, model),
      labels: setOf(prediction.label, batch.classes, model) ?? [],
    }));
}

/** The truth as it was given; that of a multi-label row in the order of the classes, as predictions are written. */
function truthOf(
  truth: string | undefined,
  classes: readonly string[],
  model: VersionDocument | undefined,
): { readonly truth: string | undefined; readonly truthLabels: string[] } {
  const labels = truth === undefined ? undefined : setOf(truth, classes, model);
  if (labels === undefined) return { truth, truthLabels: [] };
  return { truth: formatLabelSet(labels, model?.labelSeparator ?? ''), truthLabels: labels };
}

/** The labels of a text, in the order of the classes; undefined where the model has one class a row, or the text does not fit. */
function setOf(
  text: string,
  classes: readonly string[],
  model: VersionDocument | undefined,
): string[] | undefined {
  if (model?.labelSeparator === undefined) return undefined;
  const labels = labelSet(text, { classes, labelSeparator: model.labelSeparator });
  return labels && classes.filter((label) => labels.has(label));
}

function valueOf(value: StoredValue): Value {
  if (typeof value === 'number') return { kind: { $case: 'number', value } };
  if (typeof value === 'boolean') return { kind: { $case: 'flag', value } };
  return value === null ? { kind: undefined } : { kind: { $case: 'text', value } };
}
