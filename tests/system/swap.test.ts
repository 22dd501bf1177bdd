import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { exampleCsv, mapColumn, writeCsv } from './support/csv.js';
import { startOpenLoop, stepsBack } from './support/open-loop.js';
import { servingEngines } from './support/serving-engines.js';
import { exampleUri, startTestSystem } from './support/test-system.js';
import type { TestSystem } from './support/test-system.js';
import { eventually } from './support/waiting.js';

let world: TestSystem;

beforeAll(async () => {
  world = await startTestSystem();
});

afterAll(async () => {
  await world?.stop();
});

const perSecond = 500;
const connections = 4;

/** Tensors that the serving process holds, and with which engine it serves the model. */
async function serving(model: string): Promise<{ tensors: number; engine: string; version: number }> {
  const { models } = await world.client.served();
  const found = models.find((item) => item.model === model);
  if (!found) throw new Error(`${model} is not served`);
  return { tensors: found.tensors, engine: found.engine, version: found.version };
}

describe('a better model that comes while 500 predictions a second run', () => {
  it.each(servingEngines)(
    'takes over without a failed call, without a step back, and the old tensors are freed ($engine)',
    async ({ name, engine, modelSpec }) => {
      const penguins = exampleCsv('penguins.csv');
      // Every third label is wrong: there is something to be better than.
      const worse = mapColumn(penguins, 'species', (cell, row) => (row % 3 === 0 ? 'Adelie' : cell));
      const request = {
        name,
        target: 'species',
        epochs: 20,
        gate: { metric: 'accuracy', threshold: 0.3, allowWorseThanChampion: false },
        ...(modelSpec === undefined ? {} : { modelSpec }),
      };
      const first = await world.serve({ ...request, uri: writeCsv(world.directory, `${name}.csv`, worse) });
      const before = await serving(name);
      expect(before).toMatchObject({ engine, version: first.version.version });
      if (engine === 'tfjs') expect(before.tensors).toBeGreaterThan(0);

      const rows = first.version.inputExample ? [first.version.inputExample] : [];
      const load = startOpenLoop(
        world.client.addresses.inference,
        { model: name, rows },
        { perSecond, connections },
      );
      const reach = (version: number): Promise<unknown> =>
        eventually(() => {
          if (load.failures.length > 0) return true;
          const answers = load.answers.filter((answer) => answer.version === version);
          const reached = new Set(answers.map(({ connection }) => connection));
          return reached.size === connections && answers.length >= 2 * perSecond ? true : undefined;
        }, `two seconds of answers by version ${version}, some on every connection`);
      try {
        await reach(first.version.version);
        const second = await world.serve({ ...request, uri: exampleUri('penguins.csv') });
        expect(second.version.version).toBe(first.version.version + 1);
        await reach(second.version.version);
      } finally {
        await load.stop();
      }
      expect(load.failures.map(({ code, details }) => `${code} ${details}`)).toEqual([]);
      expect(load.answers).toHaveLength(load.sent());
      expect(stepsBack(load.answers)).toEqual([]);
      expect(new Set(load.answers.map(({ version }) => version)).size).toBe(2);
      // The load was that load: this process may be starved, but not by more than a tenth.
      expect(load.sent()).toBeGreaterThan(0.9 * load.due());

      const after = await eventually(async () => {
        const now = await serving(name);
        return now.tensors === before.tensors ? now : undefined;
      }, `the tensors are ${before.tensors} again`);
      expect(after).toMatchObject({ engine, version: first.version.version + 1 });
      expect(await world.unhealthy()).toEqual([]);
    },
  );
});
