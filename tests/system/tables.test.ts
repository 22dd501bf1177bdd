import { pathToFileURL } from 'node:url';
import { join } from 'node:path';
import { readFileSync, rmSync } from 'node:fs';

import { events } from '@rookery/contracts';
import type { DatasetRequest } from '@rookery/client';
import { exampleFile, readExample } from '@rookery/deploy/examples';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { exampleUri, pathServices, repositoryRoot, startTestSystem } from './support/test-system.js';
import type { TestSystem } from './support/test-system.js';

interface Score {
  readonly mean: number;
  readonly std_of_seeds: number;
}

const { examples } = JSON.parse(
  readFileSync(join(repositoryRoot, 'tests/golden/examples/scores.json'), 'utf8'),
) as {
  examples: Record<string, { folds: number; keras: Record<string, Score>; sklearn: Record<string, Score> }>;
};

let world: TestSystem;

beforeAll(async () => {
  world = await startTestSystem({ services: pathServices.filter((name) => name !== 'monitor') });
});

afterAll(async () => {
  await world?.stop();
});

/** Fields of an event as a user writes them. */
function requestOf(json: Record<string, unknown>): DatasetRequest {
  return events.datasetReady.message.fromJSON(events.datasetReady.prepare?.(json) ?? json);
}

describe('the worked examples', () => {
  /**
   * One seed of Rookery beside the mean of Keras's seeds on the same folds: the shares may differ by 0.03, which is what the
   * seeds of the weights move them by, and the errors by a twentieth.
   */
  it.each([
    ['diabetes', { rmse: 0.05, mae: 0.05 }, {}],
    ['breast-cancer', {}, { accuracy: 0.03, roc_auc: 0.03, f1_macro: 0.03 }],
    // With tuned thresholds; its seeds are further apart than those of the others.
    ['topics', {}, { f1_micro: 0.05, f1_macro: 0.05, roc_auc_macro: 0.05 }],
  ])('%s scores as Keras does with the same network on the same folds', async (name, relative, absolute) => {
    const example = readExample(repositoryRoot, name);
    const uri = pathToFileURL(join(repositoryRoot, example.source ?? '')).href;
    const { version } = await world.serve(requestOf({ ...example.request, uri }));
    const { keras, folds } = examples[name]!;
    expect(version.folds).toHaveLength(folds);
    for (const [metric, share] of Object.entries(relative)) {
      const expected = keras[metric]!.mean;
      expect(Math.abs(version.metrics[metric]!.mean - expected), metric).toBeLessThan(share * expected);
    }
    for (const [metric, distance] of Object.entries(absolute)) {
      expect(Math.abs(version.metrics[metric]!.mean - keras[metric]!.mean), metric).toBeLessThan(distance);
    }
  });
});

describe('a table that an example makes', () => {
  it('lies where ingest may read it, and becomes a served model', async () => {
    const example = { ...readExample(repositoryRoot, 'million'), generate: { rows: 3000, seed: 7 } };
    const file = await exampleFile(example, repositoryRoot, () => undefined);
    try {
      // Few rows need more turns to come to the same: as many steps as about a tenth of the million take.
      const more = { name: 'made', uri: pathToFileURL(file).href, batchSize: 16, epochs: 60 };
      const { version } = await world.serve(requestOf({ ...example.request, ...more }));
      expect(version.folds).toHaveLength(3);
      expect(version.folds.reduce((sum, fold) => sum + fold.rows, 0)).toBe(3000);
    } finally {
      rmSync(file);
    }
  });
});

describe('preprocessing that an event asks for', () => {
  it('trains, evaluates and serves, and refuses what its steps refuse by feature and value', async () => {
    const { version } = await world.serve(
      requestOf({
        name: 'strict',
        uri: exampleUri('penguins.csv'),
        target: 'species',
        preprocessing: {
          numeric: { imputer: 'median', addIndicator: true, scaler: 'robust' },
          categorical: { handleUnknown: 'error' },
          columns: { body_mass_g: { scaler: 'quantile_normal' }, flipper_length_mm: 'drop' },
        },
        split: { kind: 'repeated_stratified', repeats: 2 },
        folds: 3,
        learningRate: 0.1,
        gate: { metric: 'recall_of_Chinstrap', threshold: 0.5 },
      }),
    );
    expect(version.folds).toHaveLength(6);
    expect(version.signature?.features.map(({ name }) => name)).not.toContain('flipper_length_mm');
    const row = {
      island: 'Biscoe',
      culmen_length_mm: 50,
      culmen_depth_mm: 15,
      body_mass_g: 5000,
      sex: 'MALE',
    };
    const [answer] = await world.client.predict('strict', [row]);
    expect(answer).toMatchObject({ label: 'Gentoo' });
    await expect(world.client.predict('strict', [row, { ...row, island: 'Atlantis' }])).rejects.toMatchObject(
      {
        code: 'RK_FEATURE_REFUSED',
        details: { row: '1', feature: 'island', value: 'Atlantis' },
      },
    );
  });

  it('that does not suit the table is rejected by the name of its field', async () => {
    const { end } = await world.run(
      requestOf({
        name: 'mistaken',
        uri: exampleUri('penguins.csv'),
        target: 'species',
        preprocessing: { columns: { island: { imputer: 'mean' } } },
      }),
    );
    expect(end).toMatchObject({
      state: 'dataset-rejected',
      rejection: {
        code: 'RK_PREPROCESSING_INVALID',
        details: { field: 'preprocessing.columns.island', column: 'island' },
      },
    });
  });
});
