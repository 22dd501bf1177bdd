import { encodePayload } from '@rookery/bus';
import type { EventType } from '@rookery/contracts';
import { events, jobKeyOf } from '@rookery/contracts';
import { FoldJob, FoldTrained } from '@rookery/proto/rookery/events/v1/run';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { StoredMessage } from '../chaos/history.js';
import { checkInHand, checkMemory, checkRedeliveries, compareMemory } from './bounds.js';
import { redeliveriesOf } from './deliveries.js';
import { checkOrder } from './order.js';

const stored = <T>(event: EventType<T>, key: string, data: T, sequence: number): StoredMessage => ({
  sequence,
  subject: event.subject(key),
  id: `${event.type}-${key}`,
  raw: encodePayload(event, data),
});
/** A queue of two jobs a run, in the order of the runs given. */
const queueOf = (runs: readonly string[]): StoredMessage[] =>
  runs.flatMap((runId, k) =>
    [0, 1].map((fold) =>
      stored(
        events.foldJob,
        jobKeyOf(runId, fold, false),
        FoldJob.fromPartial({ runId, fold }),
        k * 2 + fold + 1,
      ),
    ),
  );
/** The jobs' ends, in the order given: run and fold. */
const trained = (ends: readonly (readonly [string, number])[]): StoredMessage[] =>
  ends.map(([runId, fold], k) => ({
    ...stored(events.foldTrained, runId, FoldTrained.fromPartial({ runId, fold }), k + 1),
    id: `trained-${runId}-${fold}`,
  }));
const jobsInOrder = (runs: readonly string[]): (readonly [string, number])[] =>
  runs.flatMap((run) => [[run, 0] as const, [run, 1] as const]);

describe('the order of jobs', () => {
  const runs = ['a', 'b', 'c', 'd'];
  const check = (
    ends: readonly (readonly [string, number])[],
    queue: readonly string[] = runs,
    trainers = 2,
    leeway = 0,
  ): string[] =>
    checkOrder({ published: runs, log: trained(ends), jobs: queueOf(queue), trainers, leeway }).map(
      ({ invariant, subject }) => `${invariant}: ${subject}`,
    );

  it('holds where a long job is overtaken by those that the other trainer takes meanwhile', () => {
    expect(check(jobsInOrder(runs))).toEqual([]);
    const [first, ...others] = jobsInOrder(runs);
    expect(check([...others, first!])).toEqual([]);
  });

  it('does not hold where a job waits while more than the others in hand are done before it', () => {
    const [first, second, ...others] = jobsInOrder(runs);
    expect(check([...others, first!, second!])).toEqual(
      others.map(([run, fold]) => `jobs are taken in the order of the queue: ${jobKeyOf(run, fold, false)}`),
    );
    const [, , ...one] = jobsInOrder(['a', 'b']);
    expect(check([...one, first!], runs, 1)).toHaveLength(one.length);
  });

  it('does not hold where a data set is passed by more later ones than may be', () => {
    expect(check(jobsInOrder(['b', 'a', 'c', 'd']), ['b', 'a', 'c', 'd'])).toEqual([
      'the queue has the order of publication: a',
    ]);
    expect(check(jobsInOrder(['b', 'c', 'a', 'd']), ['b', 'c', 'a', 'd'], 2, 2)).toEqual([]);
    expect(check(jobsInOrder(['b', 'c', 'd', 'a']), ['b', 'c', 'd', 'a'], 2, 2)).toHaveLength(1);
  });

  it('is kept by trainers that each take the next job, whatever the jobs last', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 100 }), { minLength: 8, maxLength: 8 }),
        fc.integer({ min: 1, max: 4 }),
        (lengths, trainers) => {
          const free = new Array<number>(trainers).fill(0);
          const ends = jobsInOrder(runs).map(([run, fold], k) => {
            const next = free.indexOf(Math.min(...free));
            free[next] = (free[next] ?? 0) + (lengths[k] ?? 1);
            return { run, fold, at: free[next] ?? 0, k };
          });
          ends.sort((a, b) => a.at - b.at || a.k - b.k);
          expect(
            check(
              ends.map(({ run, fold }) => [run, fold] as const),
              runs,
              trainers,
            ),
          ).toEqual([]);
        },
      ),
    );
  });
});

describe('the bounds', () => {
  it('tell deliveries beyond the first of each message, also while some wait', () => {
    const consumer = {
      durable: 'trainer',
      stream: 'ML_JOBS',
      messages: 10,
      deliveries: 8,
      pending: 2,
      inHand: 1,
    };
    expect(redeliveriesOf([consumer])).toEqual(new Map());
    const again = redeliveriesOf([consumer, { ...consumer, durable: 'evaluator', deliveries: 11 }]);
    expect(again).toEqual(new Map([['evaluator', 3]]));
    expect(checkRedeliveries(again)).toMatchObject([{ subject: 'evaluator' }]);
  });

  it('allow a service one and a half times its idle memory and the data in hand, and no more', () => {
    const mib = 2 ** 20;
    const services = compareMemory(
      new Map([
        ['ingest', 80 * mib],
        ['trainer', 100 * mib],
      ]),
      new Map([
        ['ingest', 120 * mib],
        ['trainer', 170 * mib],
      ]),
    );
    expect(services).toEqual([
      { name: 'ingest', idleMiB: 80, peakMiB: 120, ratio: 1.5 },
      { name: 'trainer', idleMiB: 100, peakMiB: 170, ratio: 1.7 },
    ]);
    expect(checkMemory(services, () => 0)).toMatchObject([{ subject: 'trainer' }]);
    expect(checkMemory(services, () => 20)).toEqual([]);
  });

  it('miss a consumer that is not there, and see one that takes more than it works on', () => {
    const most = new Map([['ingest', 3]]);
    expect(checkInHand(most, new Map([['ingest', 3]]))).toEqual([]);
    expect(
      checkInHand(
        most,
        new Map([
          ['ingest', 2],
          ['trainer', 2],
        ]),
      ),
    ).toHaveLength(2);
  });
});
