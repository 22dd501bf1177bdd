import { expect, it } from 'vitest';

import { readyDeadline } from '../src/embedded/ready-deadline.js';

const line = (sequence: number): string =>
  JSON.stringify({ level: 'info', stream: 'ML_CAPTURES', sequence, of: 2000, msg: 'still rebuilding' });

it('is over after its time, whatever the service writes', () => {
  const deadline = readyDeadline(1_000, 0);
  expect(deadline.over([], 1_000)).toBe(false);
  expect(deadline.over(['{"msg":"listening"}', 'noise'], 1_001)).toBe(true);
  expect(deadline.news()).toBeUndefined();
});

it('begins anew with every step of a rebuild, and is over when the rebuild gets no further', () => {
  const deadline = readyDeadline(1_000, 0);
  expect(deadline.over([line(400), 'noise'], 900)).toBe(false);
  expect(deadline.news()).toBe('rebuilding its database from the log: ML_CAPTURES, 400 of 2000');
  expect(deadline.news()).toBeUndefined();
  expect(deadline.over([line(400), 'noise', line(900)], 1_800)).toBe(false);
  expect(deadline.over([line(900)], 2_800)).toBe(false);
  expect(deadline.over([line(900)], 2_801)).toBe(true);
});

it('reads logs made for people too', () => {
  const deadline = readyDeadline(1_000, 0);
  expect(deadline.over(['[12:00:01] INFO: still rebuilding'], 900)).toBe(false);
  expect(deadline.over([], 1_500)).toBe(false);
  expect(deadline.news()).toBe('rebuilding its database from the log');
});
