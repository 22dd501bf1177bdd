import { setTimeout as sleep } from 'node:timers/promises';

import { RookeryError } from '@rookery/contracts';
import type { FittedPluginStep } from '@rookery/tabular';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { openPlugins, sharedSteps } from '../src/index.js';
import type { Plugins, PluginSteps } from '../src/index.js';
import { pluginFolder } from './support/built-child.js';
import type { PluginFolder } from './support/built-child.js';

let folder: PluginFolder;
let plugins: Plugins;

beforeAll(async () => {
  folder = await pluginFolder();
  folder.write('moody', moody);
});

afterEach(() => plugins.close());
afterAll(() => folder.remove());

/** Gives a number back, and the id of its process; does as it is told by some numbers. */
const moody = `export default {
  rookery: 1,
  kind: 'transform',
  options: { shift: { type: 'number', default: 0 } },
  fit: () => new Uint8Array(),
  load: (state, { shift }) => shift,
  featureNames: () => ['same', 'pid'],
  transform: (shift, [{ values }]) => {
    while (values.includes(-1));
    if (values.includes(-2)) process.exit(5);
    if (values.includes(-3)) throw new Error('no luck');
    if (values.includes(-4)) return Array(values.length * 2).fill(Infinity);
    return [...values].flatMap((value) => [value + shift, process.pid]);
  },
};`;
const hang = -1;

interface Limits {
  readonly most?: number;
  readonly mostOfOne?: number;
  readonly mostWaiting?: number;
  readonly idleMs?: number;
  readonly callMs?: number;
}

function share(limits: Limits = {}): Pick<PluginSteps, 'openStep'> {
  const { callMs = 30_000, ...given } = limits;
  const { root, script } = folder;
  plugins = openPlugins({ allowed: ['moody'], root, memoryMb: 512, fitMs: 30_000, callMs, script });
  return sharedSteps(plugins, { most: 4, mostOfOne: 2, mostWaiting: 64, idleMs: 60_000, ...given });
}

/** A fitted step; another shift is another step. */
function fitted(shift = 0): FittedPluginStep {
  const [installed] = plugins.list.installed;
  if (installed === undefined) throw new Error('the plug-in is not there');
  const { name, version, sha256 } = installed;
  return {
    plugin: { name, version, sha256 },
    name: 'm',
    columns: [{ name: 'x', type: 'numeric' }],
    options: { shift },
    state: '',
    outputs: ['m__same', 'm__pid'],
  };
}

/** What a caller does: opens, applies, closes. */
async function call(
  shared: Pick<PluginSteps, 'openStep'>,
  number: number,
  { shift = 0, signal }: { shift?: number; signal?: AbortSignal } = {},
): Promise<{ number: number; pid: number }> {
  const step = await shared.openStep(fitted(shift), 'a test', signal);
  try {
    const columns = [{ name: 'x', type: 'numeric', values: Float64Array.of(number) }] as const;
    const [same, pid] = await step.apply(columns, 1, 'a test', signal);
    return { number: same!.values[0]!, pid: pid!.values[0]! };
  } finally {
    await step.close();
  }
}

const thrownBy = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  );

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** Resolves when the process is gone; the test's own time limit is the deadline. */
async function gone(pid: number): Promise<void> {
  while (isRunning(pid)) await sleep(5);
}

describe('steps that callers share', () => {
  it('answer callers side by side from no more processes than one step may have, and the next ones from those', async () => {
    const shared = share();
    const numbers = Array.from({ length: 24 }, (_, i) => i * 1.1);
    const answers = await Promise.all(numbers.map((number) => call(shared, number)));
    expect(answers.map(({ number }) => number)).toEqual(numbers);
    const pids = new Set(answers.map(({ pid }) => pid));
    expect(pids.size).toBeLessThanOrEqual(2);
    expect(pids).toContain((await call(shared, 1)).pid);
  });

  it('keep room for others where calls of one hang; a caller that gives up ends its process', async () => {
    const shared = share({ most: 3, mostOfOne: 2 });
    const { pid } = await call(shared, 1);
    const stop = new AbortController();
    const hanging = [1, 2, 3].map(() => thrownBy(call(shared, hang, { signal: stop.signal })));
    expect(await call(shared, 7, { shift: 1 })).toMatchObject({ number: 8 });
    // Two hang and one waits: none of them is over.
    expect(isRunning(pid)).toBe(true);
    stop.abort(new Error('the caller has gone'));
    for (const one of hanging) expect(await one).toMatchObject({ message: 'the caller has gone' });
    await gone(pid);
    expect(await call(shared, 3)).toMatchObject({ number: 3 });
  });

  it.each<[string, number, string, string]>([
    ['exits', -2, 'RK_PLUGIN_FAILED', 'exit code 5'],
    ['throws', -3, 'RK_PLUGIN_FAILED', 'no luck'],
    ['gives infinity', -4, 'RK_PLUGIN_OUTPUT', 'Infinity'],
    ['hangs', hang, 'RK_PLUGIN_TIMEOUT', 'no answer'],
  ])('cost a call that %s that call alone; its process is not lent again', async (_, number, code, words) => {
    const shared = share({ most: 1, mostOfOne: 1, callMs: 3_000 });
    const { pid } = await call(shared, 1);
    const failing = thrownBy(call(shared, number));
    const behind = call(shared, 2);
    const error = await failing;
    expect(error).toBeInstanceOf(RookeryError);
    expect(error).toMatchObject({ code });
    expect((error as Error).message).toContain(words);
    const answer = await behind;
    expect(answer.number).toBe(2);
    expect(answer.pid).not.toBe(pid);
    expect(isRunning(pid)).toBe(false);
  });

  it('refuse a caller where too many wait, and forget one that gives up waiting', async () => {
    const shared = share({ most: 1, mostOfOne: 1, mostWaiting: 1 });
    const stopFirst = new AbortController();
    const stopSecond = new AbortController();
    const first = thrownBy(call(shared, hang, { signal: stopFirst.signal }));
    const second = thrownBy(call(shared, 1, { signal: stopSecond.signal }));
    expect(await thrownBy(call(shared, 2))).toMatchObject({ code: 'RK_OVERLOADED' });
    stopSecond.abort(new Error('second'));
    expect(await second).toMatchObject({ message: 'second' });
    const third = call(shared, 3);
    stopFirst.abort(new Error('first'));
    expect(await first).toMatchObject({ message: 'first' });
    expect(await third).toMatchObject({ number: 3 });
  });

  it('end a process that another step needs the place of, and one that nobody needs any more', async () => {
    const shared = share({ most: 1, mostOfOne: 1 });
    const one = await call(shared, 1);
    const other = await call(shared, 1, { shift: 1 });
    expect([isRunning(one.pid), isRunning(other.pid)]).toEqual([false, true]);
    await plugins.close();
    const brief = share({ idleMs: 1 });
    await gone((await call(brief, 1)).pid);
    expect(await call(brief, 2)).toMatchObject({ number: 2 });
  });

  it('start nothing for a caller that has gone, and give the place back where a process can not be opened', async () => {
    const shared = share({ most: 1, mostOfOne: 1 });
    const reason = new Error('gone before');
    expect(await thrownBy(call(shared, 1, { signal: AbortSignal.abort(reason) }))).toBe(reason);
    const other = { ...fitted(), plugin: { name: 'moody', version: '0.9.0', sha256: 'f'.repeat(64) } };
    expect(await thrownBy(shared.openStep(other, 'a test'))).toMatchObject({ code: 'RK_PLUGIN_CHANGED' });
    expect(await call(shared, 1)).toMatchObject({ number: 1 });
  });
});
