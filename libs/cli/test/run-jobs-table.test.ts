import { Run } from '@rookery/proto/rookery/registry/v1/registry';
import { expect, it } from 'vitest';

import { jobsTable } from '../src/run-jobs-table.js';

const run = (history: object, epochs = 80): Run =>
  Run.fromPartial({
    plan: { modelSpec: { epochs } },
    jobs: [{ fold: 0, state: 'trained', durationMs: 12.4, history }],
  });
const cells = (text: string): string[][] => text.split('\n').map((line) => line.split(/ {2,}/));

it('shows how many epochs a fit ran, the best one, and the losses of that one', () => {
  const stopped = run({
    loss: [3, 2, 1],
    valLoss: [4, 2.5, 5],
    metric: [0, 0, 0],
    epochsRun: 3,
    bestEpoch: 2,
    stoppedEpoch: 3,
  });
  expect(cells(jobsTable(stopped))).toEqual([
    ['JOB', 'STATE', 'EPOCHS', 'LOSS', 'VALIDATION LOSS', 'HELD-OUT', 'TIME', 'BACKEND'],
    [
      'fold 1',
      'trained',
      '3 of 80, best 2',
      expect.stringMatching(/^2/),
      expect.stringMatching(/^2\.5/),
      '–',
      '12 ms',
    ],
  ]);
});

it('finds the best epoch in a curve that was thinned', () => {
  const thinned = run({ loss: [9, 4, 6], epochs: [1, 500, 2000], epochsRun: 2000, bestEpoch: 500 }, 2000);
  expect(cells(jobsTable(thinned))[1]).toEqual(
    expect.arrayContaining(['2000, best 500', expect.stringMatching(/^4/)]),
  );
});

it('shows a run of an earlier release, which recorded neither, and one that has not begun', () => {
  expect(cells(jobsTable(run({ loss: [3, 1] })))[1]).toEqual(
    expect.arrayContaining(['2', expect.stringMatching(/^1/)]),
  );
  expect(cells(jobsTable(Run.fromPartial({ jobs: [{ state: 'queued' }] })))[1]?.[1]).toBe('queued');
  expect(jobsTable(Run.fromPartial({}))).toBe('');
});
