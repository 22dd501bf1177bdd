import { errorCodes } from '@rookery/contracts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { createEventFeed } from '../src/domain/event-feed.js';
import { errorAnswer } from '../src/domain/error-view.js';
import { createProgressBook } from '../src/domain/progress-book.js';
import type { Json } from './start-console.js';

const point = (runId: string, fold: number, epoch: number, loss = epoch): Json => ({
  runId,
  fold,
  final: false,
  epoch,
  epochs: 50,
  loss,
  metricName: 'accuracy',
  metric: 0,
});
const line = (key: string): Json => ({
  id: key,
  type: 't',
  key,
  source: 's',
  timeMs: 0,
  correlationId: 'c',
  traceId: '',
});

describe('the progress book', () => {
  it('has one value an epoch, whatever comes twice, late or not at all', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 80 }), (epochs) => {
        const book = createProgressBook();
        for (const epoch of epochs) book.add(point('r', 0, epoch));
        const last = epochs[epochs.length - 1];
        const curve = book.curve('r', 0);
        expect(curve?.loss).toHaveLength(last ?? 0);
        expect(curve?.metric).toHaveLength(last ?? 0);
        expect(curve?.loss.every(Number.isFinite)).toBe(true);
      }),
    );
  });

  it('begins a curve again when its job is done again', () => {
    const book = createProgressBook();
    for (const epoch of [1, 2, 3]) book.add(point('r', 0, epoch));
    book.add(point('r', 0, 1, 9));
    expect(book.curve('r', 0)?.loss).toEqual([9]);
  });

  it('keeps a bounded number of runs, the one heard of longest ago goes first', () => {
    const book = createProgressBook(2);
    for (const run of ['a', 'b', 'a', 'c']) book.add(point(run, 0, 1));
    expect(
      [book.curve('a', 0), book.curve('b', 0), book.curve('c', 0)].map((curve) => curve !== null),
    ).toEqual([true, false, true]);
  });

  it('ignores an epoch that would need unbounded memory', () => {
    const book = createProgressBook(2, 100);
    book.add(point('a', 0, 4_000_000_000));
    expect(book.curve('a', 0)).toBeNull();
  });
});

describe('the event feed', () => {
  it('keeps the newest, and knows when some after a position are gone', () => {
    const feed = createEventFeed(3);
    for (const key of ['a', 'b', 'c', 'd', 'e']) feed.add(line(key));
    expect(feed.all().map(({ key }) => key)).toEqual(['c', 'd', 'e']);
    expect(feed.after(3)?.map(({ key }) => key)).toEqual(['d', 'e']);
    expect(feed.after(2)?.map(({ key }) => key)).toEqual(['c', 'd', 'e']);
    expect(feed.after(1)).toBeUndefined();
    expect(feed.after(5)).toEqual([]);
    expect(feed.after(6)).toBeUndefined();
  });
});

describe('an error answer', () => {
  it.each(Object.keys(errorCodes))('%s has a status of its kind and says what to do', (code) => {
    const { status, body } = errorAnswer(Object.assign(new Error('m'), { code }));
    expect(status).toBeGreaterThanOrEqual(400);
    expect(body).toMatchObject({ code, message: 'm' });
    expect(body.hint).not.toBe('');
  });

  it.each([undefined, null, 'text', 7, new Error('secret')])('is opaque for %s', (thrown) => {
    expect(errorAnswer(thrown)).toMatchObject({
      status: 500,
      unforeseen: true,
      body: { code: 'RK_INTERNAL' },
    });
    expect(JSON.stringify(errorAnswer(thrown).body)).not.toContain('secret');
  });
});
