import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { runSuite } from './run-suite.js';
import type { Suite } from './run-suite.js';
import { Started } from './started.js';
import { inFolder } from './suite-run.js';
import type { SuiteRun } from './suite-run.js';

const out: string[] = [];
const err: string[] = [];

beforeEach(() => {
  vi.spyOn(console, 'log').mockImplementation((line: string) => out.push(line));
  vi.spyOn(console, 'error').mockImplementation((line: string) => err.push(line));
});

afterEach(() => {
  vi.restoreAllMocks();
  out.length = 0;
  err.length = 0;
});

type Flags = { rounds: string; kind: string | undefined };
type Asked = { rounds: number; kind: string | undefined };

function suite(run: Suite<Flags, Asked>['run']): Suite<Flags, Asked> {
  return {
    usage: 'npm run it',
    flags: { rounds: '3', kind: undefined },
    read: ({ text, count }) => ({ rounds: count('rounds', 1), kind: text('kind') }),
    run,
  };
}

describe('a suite', () => {
  const passes = suite((asked, { keep, log, root }) => {
    log('working');
    return Promise.resolve({ report: { ...asked, keep, root }, passed: asked.kind !== 'bad' });
  });

  it('is run as its flags say, and ends with the code of its outcome', async () => {
    expect(await runSuite(passes, ['--rounds', '7', '--json', '--keep'], '/root')).toBe(0);
    expect(out).toEqual([JSON.stringify({ rounds: 7, keep: true, root: '/root' })]);
    expect(err).toEqual(['working']);
    expect(await runSuite(passes, ['--kind', 'bad'], '/root')).toBe(1);
  });

  it('says without --json what it does, and nothing else, with its own defaults', async () => {
    expect(await runSuite(passes, [], '/root')).toBe(0);
    expect([out, err]).toEqual([['working'], []]);
  });

  it.each([
    [['--rounds', '0'], '--rounds is a whole number from 1 on, not 0'],
    [['--rounds', 'many'], '--rounds is a whole number from 1 on, not many'],
    [['--unknown'], "Unknown option '--unknown'"],
  ])('refuses %j, and says how it is called', async (args, words) => {
    const run = vi.fn();
    expect(await runSuite(suite(run), args, '/root')).toBe(64);
    expect(err.join('\n')).toContain(words);
    expect(err.join('\n')).toContain('npm run it');
    expect(run).not.toHaveBeenCalled();
  });

  it('that is interrupted stops what it started, removes its folder and ends with 130', async () => {
    let folder = '';
    const stopped = vi.fn(() => Promise.resolve());
    const endless = suite(async (_asked, run) => {
      await inFolder(run, {
        name: 'test',
        start: (directory) => {
          folder = directory;
          return Promise.resolve({ stop: stopped });
        },
        work: () => {
          process.emit('SIGTERM');
          return new Promise<never>(() => undefined);
        },
        keepAfter: () => true,
      });
      return { report: {}, passed: true };
    });
    expect(await runSuite(endless, [], '/root')).toBe(130);
    expect(stopped).toHaveBeenCalledOnce();
    expect(existsSync(folder)).toBe(false);
  });
});

describe('the folder of a suite', () => {
  const nothing = { stop: () => Promise.resolve() };
  const work = async (run: Partial<SuiteRun>, keepAfter: boolean, failure?: Error): Promise<boolean> => {
    let folder = '';
    await inFolder(
      { root: '/root', log: () => undefined, ...run },
      {
        name: 'test',
        start: () => Promise.resolve(nothing),
        work: (_world, directory) => {
          folder = directory;
          writeFileSync(join(directory, 'file'), '');
          return failure ? Promise.reject(failure) : Promise.resolve(0);
        },
        keepAfter: () => keepAfter,
      },
    ).catch((error: unknown) => {
      if (error !== failure) throw error;
    });
    const kept = existsSync(folder);
    rmSync(folder, { recursive: true, force: true });
    return kept;
  };

  it('is kept where it is asked for, something is wrong or something threw, and removed otherwise', async () => {
    expect(await work({}, false)).toBe(false);
    expect(await work({ keep: true }, false)).toBe(true);
    expect(await work({}, true)).toBe(true);
    expect(await work({}, false, new Error('broken'))).toBe(true);
  });
});

it('what was started is stopped in the opposite order, once', async () => {
  const order: string[] = [];
  const started = new Started();
  for (const name of ['broker', 'service'])
    started.add(name, (one) => {
      order.push(one);
      return Promise.resolve();
    });
  await started.stop();
  await started.stop();
  expect(order).toEqual(['service', 'broker']);
});
