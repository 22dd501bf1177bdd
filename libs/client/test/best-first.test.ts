import { AttemptStatus, GetSearchResponse } from '@rookery/proto/rookery/transform/v1/transform';
import { expect, test } from 'vitest';

import { bestFirst } from '../src/index.js';

const found = (lowerIsBetter: boolean, bestTrial?: number): GetSearchResponse =>
  GetSearchResponse.fromPartial({
    lowerIsBetter,
    ...(bestTrial === undefined ? {} : { result: { bestTrial } }),
    attempts: [
      { trial: 0, rung: 0, score: 0.4 },
      { trial: 1, rung: 0, status: AttemptStatus.ATTEMPT_STATUS_FAILED },
      { trial: 2, rung: 0, score: 0.2 },
      { trial: 3, rung: 1, score: 0.3 },
      { trial: 4, rung: 1, score: 0.3 },
    ],
  });
const order = (response: GetSearchResponse): number[] => bestFirst(response).map(({ trial }) => trial);

test('attempts that got furthest come first, then the better score, in the direction of the metric', () => {
  expect(order(found(false))).toEqual([3, 4, 0, 2, 1]);
  expect(order(found(true))).toEqual([3, 4, 2, 0, 1]);
});

test('the best trial stands before an equal one', () => {
  expect(order(found(true, 4))).toEqual([4, 3, 2, 0, 1]);
});
