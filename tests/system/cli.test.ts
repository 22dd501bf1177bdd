import { spawn } from 'node:child_process';
import { join } from 'node:path';

import { freePort, serviceEntries } from '@rookery/deploy/embedded';
import { runIdOf } from '@rookery/contracts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { repositoryRoot, startTestSystem } from './support/test-system.js';
import type { TestSystem } from './support/test-system.js';
import { eventually } from './support/waiting.js';

let world: TestSystem;
let env: NodeJS.ProcessEnv;
const penguins = join(repositoryRoot, 'data/penguins.csv');
const row = {
  island: 'Biscoe',
  culmen_length_mm: 50,
  culmen_depth_mm: 15,
  flipper_length_mm: 220,
  body_mass_g: 5000,
  sex: null,
};

beforeAll(async () => {
  world = await startTestSystem({ services: serviceEntries.map(({ name }) => name) });
  const ports = serviceEntries.map(({ name, portVariable }) => [
    portVariable,
    world.system.addresses[name]?.split(':')[1],
  ]);
  env = { ...process.env, ROOKERY_NATS_URL: world.system.natsUrl, ...Object.fromEntries(ports) };
});

afterAll(async () => {
  await world?.stop();
});

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `rookery` as a user does. */
function rookery(
  args: readonly string[],
  options: { input?: string; env?: NodeJS.ProcessEnv } = {},
): Promise<Ended> {
  const child = spawn(process.execPath, [join(repositoryRoot, 'libs/cli/bin/rookery.js'), ...args], {
    env: options.env ?? env,
  });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  child.stdin.end(options.input ?? '');
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, stdout, stderr })));
}

/** Runs a command that must succeed with one JSON document as its whole output. */
async function json<T>(...args: string[]): Promise<T> {
  const { code, stdout, stderr } = await rookery([...args, '--json']);
  expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout.trim().split('\n')).toHaveLength(1);
  return JSON.parse(stdout) as T;
}

describe('the command line, from a file to a watched model', () => {
  let runId: string;
  let predictionId: string;

  it('publish follows the run on stderr and ends with one JSON object', async () => {
    const { code, stdout, stderr } = await rookery(['publish', penguins, '--target', 'species', '--json']);
    expect(code).toBe(0);
    const outcome = JSON.parse(stdout) as { runId: string };
    expect(outcome).toMatchObject({ state: 'serving', model: 'penguins', version: 1, metric: 'accuracy' });
    runId = outcome.runId;
    expect(stderr).toContain(`run       ${runId}: penguins, 5 stratified folds, seed 42`);
    for (const fold of [1, 2, 3, 4, 5])
      expect(stderr).toMatch(new RegExp(`fold ${fold}/5  epoch 50/50  loss [0-9.]+  accuracy [0-9.]+`));
    expect(stderr).toMatch(/serving +penguins version 1, \d+ ms after publication/);
  });

  it('publish takes the settings of the run as options', async () => {
    const { code, stdout } = await rookery([
      ...[
        'publish',
        penguins,
        '-t',
        'species',
        '-n',
        'optioned',
        '-m',
        'other_name',
        '-k',
        '3',
        '--seed',
        '7',
        '--epochs',
        '4',
      ],
      ...[
        '--ignore',
        'sex',
        'island',
        '--threshold',
        '0.05',
        '--column-type',
        'body_mass_g=numeric',
        '--json',
      ],
    ]);
    expect(code).toBe(0);
    const run = await world.client.run((JSON.parse(stdout) as { runId: string }).runId);
    expect(run.plan).toMatchObject({
      model: 'other_name',
      datasetName: 'optioned',
      folds: 3,
      seed: 7,
      gate: { threshold: 0.05 },
    });
    expect(run.plan?.modelSpec).toMatchObject({ epochs: 4 });
    expect(run.plan?.signature?.features.map(({ name }) => name)).toEqual([
      'culmen_length_mm',
      'culmen_depth_mm',
      'flipper_length_mm',
      'body_mass_g',
    ]);
  });

  it('publish --detach only publishes, and says which run it will be', async () => {
    const published = await json<{ eventId: string; runId: string }>(
      'publish',
      penguins,
      '-t',
      'species',
      '-n',
      'detached',
      '--epochs',
      '2',
      '--detach',
    );
    expect(published.runId).toBe(runIdOf(published.eventId));
    await eventually(() => world.client.run(published.runId), 'the detached run');
  });

  it('datasets, runs and models list what came of it, for people and as JSON', async () => {
    const datasets = await json<{ name: string; state: string; rows: number }[]>('datasets', 'penguins');
    expect(datasets).toEqual([
      expect.objectContaining({ name: 'penguins', state: 'ingested', rows: 344, version: 1 }),
    ]);
    const runs = await json<{ runId: string }[]>('runs', '--model', 'penguins');
    expect(runs.map((run) => run.runId)).toEqual([runId]);
    const run = await json<{ jobs: unknown[]; traceId: string }>('runs', runId);
    expect(run.jobs).toHaveLength(6);
    expect(run.traceId).toMatch(/^[0-9a-f]{32}$/);
    const models = await json<{ name: string }[]>('models');
    expect(models.map(({ name }) => name)).toContain('penguins');
    const { versions } = await json<{ versions: { version: number }[] }>('models', 'penguins');
    expect(versions.map(({ version }) => version)).toEqual([1]);

    const texts = await Promise.all(
      [
        ['datasets'],
        ['runs'],
        ['runs', runId],
        ['models'],
        ['models', 'penguins'],
        ['models', 'history', 'penguins'],
      ].map((args) => rookery(args)),
    );
    expect(texts.map(({ code }) => code)).toEqual([0, 0, 0, 0, 0, 0]);
    const [listOfDatasets, listOfRuns, oneRun, listOfModels, listOfVersions, history] = texts.map(
      ({ stdout }) => stdout,
    );
    expect(listOfDatasets).toMatch(/^NAME +VERSION +STATE +ROWS/);
    expect(listOfRuns).toMatch(
      new RegExp(`${runId} +penguins +promoted +accuracy +0\\.\\d{4} +0\\.\\d{4} +1 `),
    );
    expect(oneRun).toMatch(/fold 5 +evaluated +\d/);
    expect(listOfModels).toMatch(/penguins +1 +1 +champion→1/);
    expect(listOfVersions).toMatch(/1 +champion +run-/);
    expect(history).toMatch(/1 +1 +0 +gate/);
  });

  it('predict takes rows as an argument, on stdin and from a file', async () => {
    type Answers = { id: string; label: string; version: number }[];
    const [answer] = await json<Answers>('predict', 'penguins', JSON.stringify(row));
    expect(answer).toMatchObject({ model: 'penguins', version: 1, label: 'Gentoo' });
    predictionId = answer?.id ?? '';
    const piped = await rookery(['predict', 'penguins', '-', '--json'], {
      input: JSON.stringify([row, row]),
    });
    expect(JSON.parse(piped.stdout) as Answers).toHaveLength(2);
    const { stdout } = await rookery(['predict', 'penguins', JSON.stringify(row)]);
    expect(stdout).toMatch(
      /^PREDICTION +PROBABILITIES +VERSION +ID\nGentoo +Adelie 0\.\d{4} +Chinstrap 0\.\d{4} +Gentoo 0\.\d{4} +1 +\S+\n$/,
    );
  });

  it('label and monitor close the loop', async () => {
    expect(await json('label', 'penguins', predictionId, 'Gentoo')).toEqual({ accepted: 1 });
    await eventually(async () => {
      const watched = await json<{ model: string; captured: number; labelled: number }[]>('monitor');
      return watched.find((item) => item.model === 'penguins' && item.captured === 4 && item.labelled === 1);
    }, 'the monitor knows the predictions and the label');
    const report = await json<{ predictions: number; quality: Record<string, number> }>(
      'monitor',
      'penguins',
    );
    expect(report).toMatchObject({
      model: 'penguins',
      version: 1,
      predictions: 4,
      labelled: 1,
      quality: { accuracy: 1 },
    });
    const { stdout } = await rookery(['monitor', 'penguins']);
    expect(stdout).toContain('penguins version 1: 4 predictions, 1 labelled');
    expect(stdout).toMatch(/body_mass_g +feature/);
    const reports = await json<{ reportId: string }[]>('monitor', 'penguins', '--list');
    expect(reports.length).toBeGreaterThanOrEqual(2);
  });

  it('models promote and rollback move the champion, and its history says who did it and why', async () => {
    const again = await rookery([
      'publish',
      penguins,
      '-t',
      'species',
      '--seed',
      '43',
      '--threshold',
      '0',
      '--json',
    ]);
    const { state } = JSON.parse(again.stdout) as { state: string };
    const { versions } = await json<{ versions: { version: number; aliases: string[] }[] }>(
      'models',
      'penguins',
    );
    expect(versions.map(({ version }) => version)).toEqual([2, 1]);
    // The second may be a little worse than the first: then it is not champion yet.
    if (state !== 'serving') await json('models', 'promote', 'penguins', '2', '--reason', 'a test');
    expect(await json('models', 'rollback', 'penguins', '--reason', 'back again')).toMatchObject({
      alias: { alias: 'champion', version: 1 },
      previousVersion: 2,
    });
    const history = await json<{ version: number; actor: string; reasons: string[] }[]>(
      'models',
      'history',
      'penguins',
    );
    expect(history.map(({ version }) => version).sort()).toEqual([1, 1, 2]);
    expect(history.find(({ reasons }) => reasons.includes('back again'))?.actor).toBe('cli');
  });

  it('runs reproduce trains a run again: every job equal to the bit is exit code 0, and the champion stays', async () => {
    const before = await world.client.model('penguins');
    const { code, stdout } = await rookery(['runs', 'reproduce', runId, '--wait']);
    expect(code).toBe(0);
    expect(stdout.match(/^(fold \d|final) +equal +[0-9a-f]{16} +[0-9a-f]{16} /gm)).toHaveLength(6);
    expect(stdout).toContain(`${runId}: 6 of 6 equal to the bit`);
    const begun = await json<{ reproductionId: string; recorded: unknown[] }>('runs', 'reproduce', runId);
    expect(begun.recorded).toHaveLength(6);
    expect(await world.client.model('penguins')).toEqual(before);
  });

  it('runs cancel ends a run for good, and says who did it and why', async () => {
    const args = ['publish', penguins, '-t', 'species', '-n', 'unwanted', '--epochs', '100000', '--detach'];
    const { runId: unwanted } = await json<{ runId: string }>(...args);
    await eventually(async () => (await world.client.run(unwanted)).plan, 'the run has begun');
    const { code, stdout } = await rookery(['runs', 'cancel', unwanted, '--reason', 'wrong file']);
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: expect.stringMatching(
        /^run run-[0-9a-f]{16} is cancelled by cli(:\w+)?: wrong file\n$/,
      ) as string,
    });
    const shown = await rookery(['runs', unwanted]);
    expect(shown.stdout).toContain('state     cancelled');
    expect(shown.stdout).toMatch(/history .* attempt 1 cancelled by cli.*: wrong file/);
  });

  it('runs resume lets a failed run go on, follows it, and says how it ended', async () => {
    const data = join(repositoryRoot, 'data/diabetes.csv');
    const unstable = ['--learning-rate', '99', '--spec', '{"targetScaling":"none"}', '--json'];
    const failed = await rookery(['publish', data, '-t', 'target', '-n', 'unstable', ...unstable]);
    expect(failed.code).toBe(1);
    const ended = JSON.parse(failed.stdout) as { runId: string };
    expect(ended).toMatchObject({ state: 'failed', code: 'RK_TRAIN_DIVERGED' });
    const resumed = await rookery([
      'runs',
      'resume',
      ended.runId,
      '--reason',
      'once more',
      '--wait',
      '--json',
    ]);
    expect(resumed.code).toBe(1);
    expect(JSON.parse(resumed.stdout)).toMatchObject({ state: 'failed', code: 'RK_TRAIN_DIVERGED' });
    expect(resumed.stderr).toMatch(/resumed +attempt 2 by cli/);
    expect((await rookery(['runs', ended.runId])).stdout).toContain('state     failed, attempt 2');
  });

  it('publish --targets predicts sets of labels; predict shows them, label tells the true ones', async () => {
    const topics = ['economy', 'health', 'politics', 'science', 'sports'];
    const settings = ['--targets', topics.join(','), '--label-threshold', '0.01', '--epochs', '5'];
    const args = ['publish', join(repositoryRoot, 'data/topics.csv'), ...settings, '--json'];
    const published = await rookery(args);
    expect(JSON.parse(published.stdout)).toMatchObject({
      state: 'serving',
      model: 'topics',
      metric: 'f1_micro',
    });
    const words = JSON.stringify(
      Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`word_${String(i).padStart(2, '0')}`, 3])),
    );
    // After five epochs no probability is as small as the threshold: all labels are predicted.
    const [answer] = await json<{ id: string; labels: string[]; label: string }[]>(
      'predict',
      'topics',
      words,
    );
    expect(answer).toMatchObject({ labels: topics, label: topics.join('|') });
    const { stdout } = await rookery(['predict', 'topics', words]);
    expect(stdout).toContain(topics.join(', '));
    expect(stdout).toMatch(/economy 0\.\d{4} {2}health 0\.\d{4}/);
    expect(await json('label', 'topics', answer?.id ?? '', 'sports|health')).toEqual({ accepted: 1 });
    const refused = await rookery(['label', 'topics', answer?.id ?? '', 'weather']);
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('RK_LABEL_INVALID')]);
  });

  it('publish --label-threshold takes one for each label, and has them tuned', async () => {
    const table = join(repositoryRoot, 'data/topics.csv');
    const publish = async (name: string, threshold: string): Promise<void> => {
      const columns = ['--targets', 'economy,health,politics', '--ignore', 'science', 'sports'];
      const settings = ['--name', name, '--label-threshold', threshold, '--epochs', '5', '--json'];
      const { stdout } = await rookery(['publish', table, ...columns, ...settings]);
      expect(JSON.parse(stdout)).toMatchObject({ state: 'serving', model: name });
    };
    await publish('cli-named', '{"economy": 0.999, "health": 0.001, "politics": 0.002}');
    await publish('cli-tuned', 'tuned');
    const row = JSON.stringify(
      Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`word_${String(i).padStart(2, '0')}`, 3])),
    );
    const [answer] = await json<{ labels: string[] }[]>('predict', 'cli-named', row);
    expect(answer?.labels).toEqual(['health', 'politics']);
    const refused = await rookery([
      'publish',
      table,
      '--targets',
      'economy,health',
      '--label-threshold',
      '{',
    ]);
    expect(refused.stderr).toContain('RK_REQUEST_INVALID');
  });

  it('doctor finds everything in order', async () => {
    const findings = await json<{ what: string; ok: boolean; rebuilt?: { events: number } }[]>('doctor');
    // Of what keeps nothing there is nothing to build.
    expect(findings.filter(({ rebuilt }) => rebuilt !== undefined).map(({ what }) => what)).toEqual([
      'ingest',
      'transform',
      'evaluator',
      'registry',
      'monitor',
    ]);
    expect(findings.filter(({ ok }) => !ok)).toEqual([]);
    expect(findings.map(({ what }) => what)).toEqual(
      ['node', 'nats-server', ...serviceEntries.map(({ name }) => name)].sort(byOrderOf(findings)),
    );
    const { code, stdout } = await rookery(['doctor']);
    expect(code).toBe(0);
    expect(stdout).not.toContain('NOT OK');
    expect(stdout).toMatch(/registry .*SERVING; database built .* from an empty log/);
  });
});

describe('the command line says what is wrong', () => {
  it('a data set with nothing to predict: which options say what', async () => {
    const { code, stderr } = await rookery(['publish', penguins]);
    expect(code).toBeGreaterThan(0);
    expect(stderr).toContain('--targets a,b,c');
  });

  it.each<{ what: string; args: string[]; says: string[] }>([
    {
      what: 'a file that is not there',
      args: ['publish', '/nowhere/data.csv', '-t', 'y'],
      says: ['RK_DATASET_NOT_FOUND', '/nowhere/data.csv'],
    },
    {
      what: 'a number that is none',
      args: ['publish', penguins, '-t', 'species', '-k', 'five'],
      says: ['RK_REQUEST_INVALID', '--folds', 'five'],
    },
    {
      what: 'a specification that is no JSON',
      args: ['publish', penguins, '-t', 'species', '--spec', '{'],
      says: ['RK_REQUEST_INVALID', '--spec'],
    },
    {
      what: 'a run that does not exist',
      args: ['runs', 'run-0000000000000000'],
      says: ['RK_RUN_NOT_FOUND', 'run-0000000000000000'],
    },
    {
      what: 'a model that does not exist',
      args: ['models', 'puffins'],
      says: ['RK_MODEL_NOT_FOUND', 'puffins'],
    },
    {
      what: 'a row without its features',
      args: ['predict', 'penguins', '{}'],
      says: ['RK_FEATURE_MISSING', 'lacks the feature "'],
    },
    {
      what: 'rows that are no JSON',
      args: ['predict', 'penguins', 'island=Biscoe'],
      says: ['RK_REQUEST_INVALID', 'JSON'],
    },
    {
      what: 'a limit that is no number',
      args: ['runs', '--limit', 'many'],
      says: ['RK_REQUEST_INVALID', '--limit', 'many'],
    },
    { what: 'an unknown command', args: ['publsh'], says: ['publsh', '--help'] },
  ])(
    '$what: exit code 1, the code and the offending thing on stderr, nothing on stdout',
    async ({ args, says }) => {
      const { code, stdout, stderr } = await rookery(args);
      expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
      for (const words of says) expect(stderr).toContain(words);
      expect(stderr).not.toMatch(/\n +at /);
    },
  );

  it('a run that can not be resumed, cancelled or reproduced: exit code 1, and why', async () => {
    const [done] = await json<{ runId: string }[]>('runs', '--model', 'penguins');
    for (const [what, id, code] of [
      ['resume', done?.runId ?? '', 'RK_RUN_ENDED'],
      ['cancel', done?.runId ?? '', 'RK_RUN_ENDED'],
      ['reproduce', 'run-0000000000000000', 'RK_RUN_NOT_FOUND'],
    ] as const) {
      const ended = await rookery(['runs', what, id]);
      expect([ended.code, ended.stdout]).toEqual([1, '']);
      expect(ended.stderr).toContain(code);
    }
  });

  it('a rejected data set: exit code 1, the rejection on stderr and as JSON', async () => {
    const { code, stdout, stderr } = await rookery([
      'publish',
      penguins,
      '-n',
      'rejected',
      '-t',
      'kind',
      '--json',
    ]);
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({
      state: 'dataset-rejected',
      code: 'RK_DATASET_TARGET_MISSING',
      details: { value: 'kind' },
    });
    expect(stderr).toContain('RK_DATASET_TARGET_MISSING');
    const { stdout: table } = await rookery(['datasets', 'rejected']);
    expect(table).toContain('RK_DATASET_TARGET_MISSING');
  });

  it('a system that is not there: exit code 69 and how to start it; doctor says what is missing', async () => {
    const port = String(await freePort());
    const nowhere = { ...env, ROOKERY_REGISTRY_PORT: port, ROOKERY_NATS_URL: `nats://127.0.0.1:${port}` };
    const { code, stderr } = await rookery(['runs'], { env: nowhere });
    expect(code).toBe(69);
    expect(stderr).toContain('npm start');
    const doctor = await rookery(['doctor', '--json'], { env: nowhere });
    expect(doctor.code).toBe(1);
    const findings = JSON.parse(doctor.stdout) as { what: string; ok: boolean }[];
    expect(findings.filter(({ ok }) => !ok).map(({ what }) => what)).toEqual(['nats-server', 'registry']);
  });

  it('the services were not troubled by any of it', async () => {
    expect(await world.unhealthy()).toEqual([]);
  });
});

/** Order of the names in a list of findings. */
function byOrderOf(findings: readonly { what: string }[]): (a: string, b: string) => number {
  const order = findings.map(({ what }) => what);
  return (a, b) => order.indexOf(a) - order.indexOf(b);
}
