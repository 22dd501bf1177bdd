import { events } from '@rookery/contracts';
import { AttemptStatus } from '@rookery/proto/rookery/transform/v1/transform';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { exampleUri, startTestSystem } from './support/test-system.js';
import type { TestSystem } from './support/test-system.js';
import { eventually, within } from './support/waiting.js';

let world: TestSystem;

beforeAll(async () => {
  world = await startTestSystem({
    // What a killed process had in hand comes back sooner than by default.
    env: { ROOKERY_ACK_WAIT_MS: '5000', ROOKERY_JOB_ACK_WAIT_MS: '5000' },
  });
});
afterAll(async () => {
  await world?.stop();
});

const penguins = { uri: exampleUri('penguins.csv'), target: 'species', folds: 3, epochs: 9 };

describe('one event with a search', () => {
  it('tries every point, registers the best, and its run is that trial to the bit', async () => {
    const { runId, version } = await world.serve({
      name: 'searched',
      ...penguins,
      search: {
        strategy: 'grid',
        space: { batchSize: [8, 32], 'modelSpec.optimizer.learningRate': [0.0001, 0.1] },
      },
    });
    const { attempts, result } = await world.client.search(runId);
    expect(attempts.map(({ score }) => typeof score)).toEqual(['number', 'number', 'number', 'number']);
    const best = Math.max(...attempts.map(({ score }) => score ?? NaN));
    expect(result?.bestScore).toBe(best);
    expect(version.metrics['accuracy']?.mean).toBe(best);
    const run = await world.client.run(runId);
    expect(run.plan?.search).toEqual(result);
    expect(run.plan?.modelSpec).toMatchObject({ batchSize: result?.bestPoint?.['batchSize'] });
    expect(await world.client.runs({ model: 'searched' })).toHaveLength(1);
  });

  it('halves: trains all a little and few in full', async () => {
    const { runId } = await world.serve({
      name: 'halved',
      ...penguins,
      search: {
        strategy: 'asha',
        trials: 9,
        minEpochs: 1,
        space: { 'modelSpec.optimizer.learningRate': { logUniform: [0.001, 0.3] } },
      },
    });
    const { attempts, search } = await world.client.search(runId);
    expect(search?.rungs).toEqual([1, 3, 9]);
    expect(attempts.filter(({ rung }) => rung === 0)).toHaveLength(9);
    const full = attempts.filter(({ rung }) => rung === 2);
    expect(full.length).toBeGreaterThanOrEqual(1);
    expect(full.length).toBeLessThan(9);
    for (const { rung, epochs } of attempts) expect(epochs).toBe([1, 3, 9][rung]);
  });

  it('goes on without the trials that diverge, and says why they did', async () => {
    const { runId } = await world.serve({
      name: 'diverging',
      uri: exampleUri('diabetes.csv'),
      target: 'target',
      folds: 2,
      epochs: 5,
      search: { strategy: 'grid', space: { learningRate: [0.001, 99] } },
    });
    const { attempts, result } = await world.client.search(runId);
    expect(attempts.map(({ code }) => code)).toEqual(['', 'RK_TRAIN_DIVERGED']);
    expect(result).toMatchObject({ bestTrial: 0, failed: 1 });
  });

  it('whose space has a thousand million points fails its run with that reason, and others go on', async () => {
    const dimension = { int: [1, 1000] };
    const { end } = await world.run({
      name: 'endless',
      ...penguins,
      search: {
        strategy: 'grid',
        space: { epochs: dimension, batchSize: dimension, 'modelSpec.layers': [[{}], [{ units: 3 }, {}]] },
      },
    });
    expect(end).toMatchObject({ state: 'failed', failure: { code: 'RK_SEARCH_TOO_LARGE' } });
    expect(end.state === 'failed' && end.failure.message).toContain('2000000 points');
    await world.serve({ name: 'afterwards', ...penguins });
    expect(await world.unhealthy()).toEqual([]);
  });

  it('is finished although transform, evaluator and trainer are killed on the way: no trial lost, none counted twice', async () => {
    const trials = 12;
    const published = await world.client.publish({
      name: 'killed',
      ...penguins,
      search: {
        trials,
        parallel: 3,
        space: { 'modelSpec.optimizer.learningRate': { uniform: [0.01, 0.2] } },
      },
    });
    const { runId } = published;
    const ofSearch = (data: { trial?: { searchId: string } | undefined }): boolean =>
      data.trial?.searchId === runId;
    for (const [count, service] of ['transform', 'evaluator', 'trainer'].entries()) {
      await eventually(
        () => world.tap.seen(events.trialEvaluated, ofSearch).length > count * 2 || undefined,
        `${count * 2 + 1} trials with a score`,
      );
      expect(world.system.processes.get(service)?.kill('SIGKILL')).toBe(true);
    }
    const end = await within(published.outcome, 'the end of the search', 110_000);
    await published.stop();
    expect(end.state).toBe('serving');
    const { attempts, result } = await world.client.search(runId);
    expect(attempts.map(({ trial, status }) => [trial, status])).toEqual(
      Array.from({ length: trials }, (_, trial) => [trial, AttemptStatus.ATTEMPT_STATUS_SCORED]),
    );
    expect(result).toMatchObject({ trials, attempts: trials, failed: 0 });
  });
});
