import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { freePort, serviceEntries } from '@rookery/deploy/embedded';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { repositoryRoot } from './support/test-system.js';
import { eventually } from './support/waiting.js';

let directory: string;
let ports: NodeJS.ProcessEnv;
const started: ChildProcess[] = [];

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'rookery-commands-'));
  const names = [
    ...serviceEntries.map(({ portVariable }) => portVariable),
    'ROOKERY_NATS_PORT',
    'ROOKERY_INFERENCE_HTTP_PORT',
  ];
  ports = Object.fromEntries(
    await Promise.all(names.map(async (name) => [name, String(await freePort())] as const)),
  );
});

afterAll(() => {
  for (const child of started) child.kill('SIGKILL');
  rmSync(directory, { recursive: true, force: true });
});

interface Running {
  readonly child: ChildProcess;
  readonly said: { stdout: string; stderr: string };
  /** The exit code, when it has ended. */
  readonly code: Promise<number | null>;
}

/** Starts a script of the repository as a user's command does. */
function start(script: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Running {
  const child = spawn(process.execPath, [join(repositoryRoot, script), ...args], {
    env: { ...process.env, ...ports, ROOKERY_DATA_DIR: join(directory, 'data'), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  started.push(child);
  const said = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk: Buffer) => (said.stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (said.stderr += chunk.toString()));
  return { child, said, code: new Promise((resolve) => child.once('close', resolve)) };
}

/** Resolves when it says that the system is ready; an error with what it said where it ended before. */
async function ready(up: Running): Promise<void> {
  const over = up.code.then((code) => {
    throw new Error(`it ended with ${code}: ${up.said.stderr}`);
  });
  const said = eventually(
    () => (up.said.stdout.includes('Rookery is ready') ? true : undefined),
    'the system is ready',
    90_000,
  );
  await Promise.race([said, over]);
  over.catch(() => undefined);
}

interface DemoLine {
  readonly folds: readonly number[];
  readonly mean: number;
  readonly std: number;
  readonly publishedToServingMs: number;
  readonly prediction: { readonly probabilities: Readonly<Record<string, number>> };
}

describe('the demo', () => {
  it('with --exit and --json ends with one JSON object about a promoted model that answered, and leaves nothing running', async () => {
    const demo = start('deploy/dist/demo.js', ['--exit', '--json']);
    expect(await demo.code, demo.said.stderr).toBe(0);
    const lines = demo.said.stdout.trim().split('\n');
    expect(lines).toHaveLength(1);
    const result = JSON.parse(lines[0] ?? '') as DemoLine;
    expect(result).toMatchObject({
      runId: expect.stringMatching(/^run-[0-9a-f]{16}$/),
      model: 'penguins',
      version: 1,
      metric: 'accuracy',
      backend: expect.stringMatching(/^(gpu|node|wasm|cpu)$/),
      prediction: {
        label: expect.stringMatching(/^(Adelie|Chinstrap|Gentoo)$/),
        version: 1,
        id: expect.stringMatching(/./),
      },
      traceId: expect.stringMatching(/^[0-9a-f]{32}$/),
      drift: { drifted: false, testedColumns: 7, predictions: 344 },
    });
    expect(result.folds).toHaveLength(5);
    expect(result.mean).toBeCloseTo(result.folds.reduce((sum, value) => sum + value, 0) / 5, 12);
    expect(result.mean).toBeGreaterThan(0.8);
    expect(result.publishedToServingMs).toBeGreaterThan(0);
    expect(Object.keys(result.prediction.probabilities)).toEqual(['Adelie', 'Chinstrap', 'Gentoo']);
    expect(existsSync(join(directory, 'data/launcher.pid'))).toBe(false);
  });

  it('runs again on what it left: the same data and seed are as good as before, and become the next version', async () => {
    const demo = start('deploy/dist/demo.js', ['--exit', '--json']);
    expect(await demo.code, demo.said.stderr).toBe(0);
    expect(JSON.parse(demo.said.stdout)).toMatchObject({
      model: 'penguins',
      version: 2,
      prediction: { version: 2 },
    });
  });

  it('stops everything in order where it is interrupted in the middle of a run', async () => {
    const demo = start('deploy/dist/demo.js', ['--json']);
    await eventually(
      () => (demo.said.stderr.includes('Publishing ml.dataset.ready') ? true : undefined),
      'it publishes',
    );
    demo.child.kill('SIGINT');
    expect(await demo.code).toBe(1);
    expect(existsSync(join(directory, 'data/launcher.pid'))).toBe(false);
  });

  it('refuses an option that it does not know, before anything is started', async () => {
    const demo = start('deploy/dist/demo.js', ['--exot']);
    expect(await demo.code).toBe(64);
    expect(demo.said.stderr).toContain('--exot');
  });
});

describe('rookery up', () => {
  it('starts the system, which keeps what it had, and ends with it', async () => {
    const up = start('libs/cli/bin/rookery.js', ['up']);
    await ready(up);
    for (const { name, portVariable } of serviceEntries) {
      expect(up.said.stdout).toMatch(new RegExp(`${name} +(http://)?127\\.0\\.0\\.1:${ports[portVariable]}`));
    }
    const models = start('libs/cli/bin/rookery.js', ['models', '--json']);
    expect(await models.code, models.said.stderr).toBe(0);
    // The run that was interrupted goes on: it may be the third by now.
    const [penguins] = JSON.parse(models.said.stdout) as { name: string; latestVersion: number }[];
    expect(penguins?.name).toBe('penguins');
    expect(penguins?.latestVersion).toBeGreaterThanOrEqual(2);
    up.child.kill('SIGTERM');
    expect(await up.code).toBe(0);
  });

  it('takes the system down with it where it is killed', async () => {
    const up = start('libs/cli/bin/rookery.js', ['up']);
    await ready(up);
    expect(existsSync(join(directory, 'data/launcher.pid'))).toBe(true);
    up.child.kill('SIGKILL');
    await eventually(
      () => (existsSync(join(directory, 'data/launcher.pid')) ? undefined : true),
      'the launcher has ended in order',
    );
  });

  it('refuses a setting that it does not know, naming it, and leaves nothing running', async () => {
    const up = start('libs/cli/bin/rookery.js', ['up'], { ROOKERY_FOLDS: '7' });
    expect(await up.code).toBe(1);
    expect(up.said.stderr).toContain('ROOKERY_FOLDS');
    expect(existsSync(join(directory, 'data/launcher.pid'))).toBe(false);
  });
});
