import type { ListServedModelsResponse } from '@rookery/proto/rookery/inference/v1/inference';

import type { CaptureCounts } from '../domain/capture-buffer.js';
import type { LoadedModel } from '../domain/loaded-model.js';

/** What this replica serves, how many predictions it gave, and what became of their captures. */
export function listServedModels(
  models: readonly LoadedModel[],
  replica: string,
  counts: CaptureCounts,
  tensors: number,
): ListServedModelsResponse {
  return {
    replica,
    models: models.map((model) => ({
      model: model.name,
      version: model.version,
      aliasRevision: model.aliasRevision,
      signature: model.signature,
      inputExample: model.inputExample,
      engine: model.engine,
      backend: model.backend,
      loadedAtMs: model.loadedAtMs,
      predictions: model.predictions,
      tensors,
    })),
    capture: {
      captured: counts.captured,
      dropped: counts.dropped,
      published: counts.published,
      buffered: counts.buffered,
    },
  };
}
