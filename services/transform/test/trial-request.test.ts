import { DatasetReady } from '@rookery/proto/rookery/events/v1/dataset';
import { describe, expect, it } from 'vitest';

import { parseSearchSpace } from '../src/domain/search/search-space.js';
import { trialRequest } from '../src/domain/search/trial-request.js';

const request = DatasetReady.fromPartial({
  name: 'penguins',
  target: 'species',
  uri: 'file:///penguins.csv',
  modelSpec: { layers: [{ units: 10 }, {}], epochs: 30 },
});

describe('the request of a trial', () => {
  it('has the values in their places, and leaves the request of the search as it was', () => {
    const before = structuredClone(request);
    const space = parseSearchSpace({
      batch_size: [16],
      'modelSpec.layers[0].units': [64],
      'modelSpec.optimizer.learningRate': [0.5],
    });
    const trial = trialRequest(request, space, [16, 64, 0.5]);
    expect(trial).toEqual({
      ...before,
      batchSize: 16,
      modelSpec: { layers: [{ units: 64 }, {}], epochs: 30, optimizer: { learningRate: 0.5 } },
    });
    expect(request).toEqual(before);
  });

  it('trains as many epochs as its rung says, whatever the request says', () => {
    const trial = trialRequest({ ...request, epochs: 99 }, [], [], 7);
    expect(trial.epochs).toBe(7);
    expect(trial.modelSpec).not.toHaveProperty('epochs');
  });

  it.each([['modelSpec.layers[2].units'], ['modelSpec.layers.units'], ['epochs.x'], ['modelSpec[0]']])(
    'refuses the setting %s, which has no place',
    (name) => {
      const space = parseSearchSpace({ [name]: [1] });
      expect(() => trialRequest({ ...request, epochs: 5 }, space, [1])).toThrow(
        expect.objectContaining({
          code: 'RK_SEARCH_INVALID',
          details: { field: `search.space.${name}` },
        }) as Error,
      );
    },
  );
});
