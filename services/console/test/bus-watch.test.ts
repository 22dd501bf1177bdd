import type { EventMeta, RawEvent } from '@rookery/bus';
import { describe, expect, it } from 'vitest';

import { watchBus } from '../src/adapters/bus-watch.js';
import { eventMeta } from './start-console.js';
import type { Json } from './start-console.js';

const stored = (seq: number, subject: string, id: string): Json => {
  // As the client's headers: an empty text where there is none.
  const header = { get: (name: string) => (name === 'ce-id' ? id : '') };
  return { seq, subject, header, time: new Date(Date.UTC(2026, 0, 1, 0, 0, seq)), data: new Uint8Array() };
};
const live = (type: string, key: string, id: string): RawEvent => ({
  ...eventMeta(type, key),
  id,
  raw: new Uint8Array(),
  headers: {},
});

/** A bus whose log holds `log`, and on which `during` passes while the log is read. */
function fakeBus(
  log: Json[],
  during: RawEvent[] = [],
): { bus: Json; pass(event: RawEvent): void; subjects: string[]; stopped: string[] } {
  let listener: (event: RawEvent) => void = () => undefined;
  const subjects: string[] = [];
  const stopped: string[] = [];
  return {
    subjects,
    stopped,
    pass: (event) => {
      listener(event);
    },
    bus: {
      tail: async (filters: string[], onEvent: (event: RawEvent) => void) => {
        subjects.push(...filters);
        listener = onEvent;
        return async () => void stopped.push('tail');
      },
      subscribeProgress: () => async () => void stopped.push('progress'),
      jsm: {
        streams: {
          info: async () => ({ state: { first_seq: 1, last_seq: log.length } }),
          getMessage: async (_: string, { seq }: { seq: number }) => {
            for (const event of during.splice(0)) listener(event);
            const message = log[seq - 1];
            if (!message) throw new Error('no message found');
            return message;
          },
        },
      },
    },
  };
}

const collect = (): { seen: EventMeta[]; listener: Json } => {
  const seen: EventMeta[] = [];
  return { seen, listener: { event: (meta: EventMeta) => seen.push(meta), progress: () => undefined } };
};
const quiet = { warn: () => undefined };

describe('the watch of the bus', () => {
  it('tells the past in order, then what passed meanwhile, each event once', async () => {
    const { seen, listener } = collect();
    const log = [stored(1, 'ml.dataset.ready', 'a'), undefined, stored(3, 'ml.run.started.run-1', 'b')];
    const meanwhile = [live('ml.run.started', 'run-1', 'b'), live('ml.run.completed', 'run-1', 'c')];
    const { bus, pass, stopped } = fakeBus(log, meanwhile);
    const stop = await watchBus(bus, listener, quiet);
    pass(live('ml.model.promoted', 'penguins', 'd'));
    expect(seen.map(({ id, type, key }) => [id, type, key])).toEqual([
      ['a', 'ml.dataset.ready', ''],
      ['b', 'ml.run.started', 'run-1'],
      ['c', 'ml.run.completed', 'run-1'],
      ['d', 'ml.model.promoted', 'penguins'],
    ]);
    await stop();
    expect(stopped.sort()).toEqual(['progress', 'tail']);
  });

  it('reads no more of the past than asked for', async () => {
    const { seen, listener } = collect();
    const log = Array.from({ length: 50 }, (_, i) => stored(i + 1, `ml.run.started.run-${i}`, `e${i}`));
    await watchBus(fakeBus(log).bus, listener, quiet, 3);
    expect(seen.map(({ id }) => id)).toEqual(['e47', 'e48', 'e49']);
  });

  it('does not listen to captures and labels, which come by the thousand', async () => {
    const { bus, subjects } = fakeBus([]);
    await watchBus(bus, collect().listener, quiet);
    expect(subjects).toContain('ml.run.started.*');
    expect(subjects.filter((subject) => /prediction|label|>/.test(subject))).toEqual([]);
  });

  it('begins with what is live where the log can not be read', async () => {
    const { seen, listener } = collect();
    const { bus, pass } = fakeBus([]);
    bus.jsm.streams.info = () => Promise.reject(new Error('no stream'));
    await watchBus(bus, listener, quiet);
    pass(live('ml.run.started', 'run-1', 'x'));
    expect(seen.map(({ id }) => id)).toEqual(['x']);
  });

  it('knows an event that was published without any header by its subject', async () => {
    const { seen, listener } = collect();
    const { bus, pass } = fakeBus([]);
    await watchBus(bus, listener, quiet);
    pass({ ...live('', '', 'x'), subject: 'ml.run.failed.run-9' });
    expect(seen[0]).toMatchObject({ type: 'ml.run.failed', key: 'run-9' });
  });
});
