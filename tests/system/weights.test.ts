import type { DatasetRequest, PlainRow } from '@rookery/client';
import { events } from '@rookery/contracts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { writeCsv } from './support/csv.js';
import { pathServices, startTestSystem } from './support/test-system.js';
import type { TestSystem } from './support/test-system.js';

let world: TestSystem;

beforeAll(async () => {
  world = await startTestSystem({ services: pathServices.filter((name) => name !== 'monitor') });
});

afterAll(async () => {
  await world?.stop();
});

/** −1 to 1 in even steps. */
const numbers = Array.from({ length: 121 }, (_, k) => k / 60 - 1);

/** Fields of an event as a user writes them, with enough training for a table of one column. */
function requestOf(
  name: string,
  csv: Parameters<typeof writeCsv>[2],
  fields: Record<string, unknown>,
): DatasetRequest {
  const uri = writeCsv(world.directory, `${name}.csv`, csv);
  const json = { name, uri, target: 'y', folds: 3, epochs: 60, learningRate: 0.1, ...fields };
  return events.datasetReady.message.fromJSON(events.datasetReady.prepare?.(json) ?? json);
}

async function predictions(
  model: string,
  rows: readonly PlainRow[],
): Promise<readonly (string | number | undefined)[]> {
  const answers = await world.client.predict(model, rows);
  return answers.map(({ label, value }) => label ?? value);
}

describe('the weights of rows', () => {
  /** Each number twice: once with its side, once with the other one. Only weights tell which of them is right. */
  const contradicting = (right: number, wrong: number) => ({
    header: ['x', 'weight', 'y'],
    rows: numbers
      .filter((x) => Math.abs(x) > 0.1)
      .flatMap((x) => [
        [String(x), String(right), x > 0 ? 'above' : 'below'],
        [String(x), String(wrong), x > 0 ? 'below' : 'above'],
      ]),
  });

  it.each([
    ['right', 1, 0, ['below', 'above']],
    ['wrong', 0, 1, ['above', 'below']],
    ['mostly right', 9, 1, ['below', 'above']],
  ])(
    'decide what is learned from rows that contradict each other: %s',
    async (what, right, wrong, labels) => {
      const name = `sides-${what.replace(' ', '-')}`;
      const { version } = await world.serve(
        requestOf(name, contradicting(right, wrong), { sampleWeight: 'weight' }),
      );
      expect(await predictions(name, [{ x: -0.8 }, { x: 0.8 }])).toEqual(labels);
      // They count in the metrics too: with equal weights half of the rows would be wrong.
      expect(version.metrics['accuracy']?.mean).toBeGreaterThan(0.85);
      expect(version.signature?.features.map((feature) => feature.name)).toEqual(['x']);
    },
  );

  it('decide the number of a regression', async () => {
    const csv = {
      header: ['x', 'weight', 'y'],
      rows: numbers.flatMap((x) => [
        [String(x), '1', String(3 + x)],
        [String(x), '0', String(-3 - x)],
      ]),
    };
    await world.serve(requestOf('numbers', csv, { sampleWeight: 'weight' }));
    const [below, above] = await predictions('numbers', [{ x: -0.5 }, { x: 0.5 }]);
    expect(below).toBeCloseTo(2.5, 0);
    expect(above).toBeCloseTo(3.5, 0);
  });

  it('decide the labels of a multi-label row', async () => {
    const csv = {
      header: ['x', 'weight', 'up', 'far'],
      rows: numbers.flatMap((x) => {
        const [up, far] = [x > 0, Math.abs(x) > 0.5];
        return [
          [String(x), '1', up ? '1' : '0', far ? '1' : '0'],
          [String(x), '0', up ? '0' : '1', far ? '0' : '1'],
        ];
      }),
    };
    const fields = { target: '', targets: ['up', 'far'], sampleWeight: 'weight', epochs: 300 };
    await world.serve(requestOf('two-labels', csv, fields));
    const answers = await world.client.predict('two-labels', [{ x: -0.9 }, { x: -0.1 }, { x: 0.9 }]);
    expect(answers.map(({ labels }) => labels)).toEqual([['far'], [], ['up', 'far']]);
  });
});

describe('the weights of classes', () => {
  /** One row in ten is rare, whatever its number: nothing but the weights of the classes can make it be predicted. */
  const mixed = {
    header: ['x', 'y'],
    rows: Array.from({ length: 300 }, (_, k) => [String((k % 30) / 15 - 1), k < 30 ? 'rare' : 'usual']),
  };
  const slow = {
    gate: { metric: 'accuracy', threshold: 0 },
    learningRate: 0.01,
    batchSize: 300,
    epochs: 300,
  };
  const meanOfRare = async (model: string): Promise<number> => {
    const answers = await world.client.predict(
      model,
      numbers.map((x) => ({ x })),
    );
    return answers.reduce((sum, { probabilities }) => sum + probabilities['rare']! / answers.length, 0);
  };

  it('move the probabilities: by the share of rows, evenly, and to the weighted class', async () => {
    await world.serve(requestOf('unweighted', mixed, { ...slow }));
    await world.serve(requestOf('balanced', mixed, { ...slow, classWeight: 'balanced' }));
    await world.serve(requestOf('heavy', mixed, { ...slow, classWeight: { rare: 81 } }));
    // 1 of 10; 1 : 1; 81 × 1 : 9.
    expect(await meanOfRare('unweighted')).toBeCloseTo(0.1, 1);
    expect(await meanOfRare('balanced')).toBeCloseTo(0.5, 1);
    expect(await meanOfRare('heavy')).toBeCloseTo(0.9, 1);
  });
});
