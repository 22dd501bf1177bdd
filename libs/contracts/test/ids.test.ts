import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import {
  datasetIdOf,
  decodeRowNumbers,
  derivedEventId,
  digestOf,
  encodeRowNumbers,
  events,
  isKey,
  jobKeyOf,
  requireKey,
  runIdOf,
  streams,
} from '@rookery/contracts';

describe('ids', () => {
  it('the same event always gives the same run and data set, another event another one', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (a, b) => {
        expect(runIdOf(a)).toBe(runIdOf(a));
        if (a !== b) {
          expect(runIdOf(a)).not.toBe(runIdOf(b));
          expect(datasetIdOf(a)).not.toBe(datasetIdOf(b));
        }
      }),
    );
  });

  it('every derived id is a valid key, so that it can stand in a subject', () => {
    fc.assert(
      fc.property(fc.string(), fc.nat(9999), fc.boolean(), (event, fold, final) => {
        const run = runIdOf(event);
        for (const id of [
          run,
          datasetIdOf(event),
          jobKeyOf(run, fold, final),
          derivedEventId('ml.fold.trained', event),
        ]) {
          expect(isKey(id)).toBe(true);
        }
      }),
    );
  });

  it('parts of a digest can not be shifted into one another', () => {
    expect(digestOf(24, 'ab', 'c')).not.toBe(digestOf(24, 'a', 'bc'));
    expect(digestOf(24, 'a', '')).not.toBe(digestOf(24, 'a'));
  });

  it('the final job and the fold of the same number have different keys', () => {
    expect(jobKeyOf('run-1', 5, true)).not.toBe(jobKeyOf('run-1', 5, false));
  });

  it.each(['', 'a.b', 'a b', 'ä', 'x'.repeat(65), 'a/b', '*', '>'])('refuses the key %j by name', (key) => {
    expect(() => requireKey(key, 'name')).toThrow(/name ".*" is not valid/);
  });
});

describe('events and streams', () => {
  it('no two events have the same subject, and exactly one stream takes each', () => {
    const subjects = Object.values(events).map((event) => event.subject('key-1'));
    expect(new Set(subjects).size).toBe(subjects.length);
    for (const event of Object.values(events)) {
      const takers = streams.filter((stream) =>
        stream.subjects.some((filter) => matches(filter, event.subject('key-1'))),
      );
      expect(takers.map((stream) => stream.name)).toEqual([event.stream]);
    }
  });

  it('a consumer of one event sees no other', () => {
    for (const event of Object.values(events)) {
      const seen = Object.values(events).filter((other) => matches(event.filter, other.subject('key-1')));
      expect(seen).toEqual([event]);
    }
  });

  it('a request may name types and tasks by short words', () => {
    const { prepare, message } = events.datasetReady;
    const request = message.fromJSON(
      prepare?.({
        name: 'a',
        uri: 'file:///a',
        target: 't',
        task: 'binary',
        columnTypes: { zip: 'categorical' },
      }),
    );
    expect(message.toJSON(request)).toMatchObject({
      task: 'TASK_BINARY',
      columnTypes: { zip: 'COLUMN_TYPE_CATEGORICAL' },
    });
  });
});

describe('row numbers', () => {
  it('survive as bytes, whatever the alignment of the buffer', () => {
    fc.assert(
      fc.property(fc.uint32Array(), fc.nat(3), (rows, shift) => {
        const bytes = encodeRowNumbers(rows);
        const shifted = new Uint8Array(bytes.length + shift);
        shifted.set(bytes, shift);
        expect(decodeRowNumbers(shifted.subarray(shift))).toEqual(rows);
      }),
    );
  });

  it('refuse bytes that are no whole numbers', () => {
    expect(() => decodeRowNumbers(new Uint8Array(5))).toThrow(RangeError);
  });
});

function matches(filter: string, subject: string): boolean {
  const wanted = filter.split('.');
  const given = subject.split('.');
  for (const [index, token] of wanted.entries()) {
    if (token === '>') return given.length > index;
    if (given[index] === undefined || (token !== '*' && token !== given[index])) return false;
  }
  return wanted.length === given.length;
}
