import { execFile, spawnSync } from 'node:child_process';
import { connect } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { events } from '@rookery/contracts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { exampleUri, repositoryRoot, startTestSystem } from '../system/support/test-system.js';
import type { TestSystem } from '../system/support/test-system.js';

const run = promisify(execFile);
const here = fileURLToPath(new URL('.', import.meta.url));
const python = process.env['PYTHON'] ?? 'python3';
const pythonCanGrpc = spawnSync(python, ['-c', 'import grpc, grpc_tools']).status === 0;

const gentoo = JSON.stringify({
  island: 'Biscoe',
  culmen_length_mm: 50,
  culmen_depth_mm: 15,
  flipper_length_mm: 220,
  body_mass_g: 5000,
  sex: null,
});

let world: TestSystem;

beforeAll(async () => {
  world = await startTestSystem();
});

afterAll(async () => {
  await world?.stop();
});

/** Runs a program that has no part of Rookery in it; its output as JSON. */
async function output(program: string, args: readonly string[]): Promise<Record<string, unknown>> {
  const { stdout } = await run(program, args, { timeout: 100_000 });
  return JSON.parse(stdout) as Record<string, unknown>;
}

/** What a program says when it is refused. */
async function refusal(program: string, args: readonly string[]): Promise<string> {
  const failed: unknown = await run(program, args, { timeout: 100_000 }).catch((error: unknown) => error);
  expect(failed).toMatchObject({ code: 1 });
  return (failed as { stderr: string }).stderr;
}

describe('without any library of Rookery', () => {
  it('a plain NATS client publishes a data set and hears when it is served', async () => {
    const request = { name: 'by_nats', uri: exampleUri('penguins.csv'), target: 'species' };
    const outcome = await output(process.execPath, [
      join(here, 'js/publish.mjs'),
      world.system.natsUrl,
      JSON.stringify(request),
    ]);
    expect(outcome).toMatchObject({ subject: 'ml.inference.swapped.by_nats', model: 'by_nats', version: 1 });
  });

  it('a plain NATS client hears why a data set is rejected', async () => {
    const request = { name: 'by_nats_bad', uri: exampleUri('penguins.csv'), target: 'kind' };
    const failed: unknown = await run(process.execPath, [
      join(here, 'js/publish.mjs'),
      world.system.natsUrl,
      JSON.stringify(request),
    ]).catch((error: unknown) => error);
    expect(failed).toMatchObject({ code: 1 });
    expect(JSON.parse((failed as { stdout: string }).stdout)).toMatchObject({
      code: 'RK_DATASET_TARGET_MISSING',
    });
  });

  it('two lines of text on a socket are enough to start a run', async () => {
    const body = JSON.stringify({
      name: 'by_socket',
      uri: exampleUri('penguins.csv'),
      target: 'species',
      epochs: 3,
      gate: { threshold: 0 },
    });
    const { hostname, port } = new URL(world.system.natsUrl);
    const socket = connect({ host: hostname, port: Number(port) });
    socket.write(
      `CONNECT {"verbose":false}\r\nPUB ml.dataset.ready ${Buffer.byteLength(body)}\r\n${body}\r\n`,
    );
    const swapped = await world.tap.wait(
      events.inferenceSwapped,
      ({ model }) => model === 'by_socket',
      'the swap',
    );
    socket.destroy();
    expect(swapped.data.version).toBe(1);
  });

  describe.each([
    ['the .proto files', 'js/predict-by-proto.mjs'],
    ['server reflection', 'js/predict-by-reflection.mjs'],
  ])('a plain grpc-js client with %s alone', (_, script) => {
    it('predicts', async () => {
      const answer = await output(process.execPath, [
        join(here, script),
        world.client.addresses.inference,
        'by_nats',
        gentoo,
      ]);
      expect(answer).toMatchObject({
        model: 'by_nats',
        version: 1,
        classes: ['Adelie', 'Chinstrap', 'Gentoo'],
        predictions: [{ label: 'Gentoo' }],
      });
    });

    it('is told the code and the offending feature where it is refused', async () => {
      const said = await refusal(process.execPath, [
        join(here, script),
        world.client.addresses.inference,
        'by_nats',
        '{"island": "Biscoe"}',
      ]);
      expect(said).toContain('RK_FEATURE_MISSING: Row 0 lacks the feature');
    });
  });

  // PYTHON names another interpreter, such as that of a virtual environment.
  it.skipIf(!pythonCanGrpc)(
    'a Python grpc client uploads a data set, follows its run and predicts',
    async () => {
      const { ingest, registry, inference } = world.client.addresses;
      const addresses = ['--ingest', ingest, '--registry', registry, '--inference', inference];
      const file = join(repositoryRoot, 'data/penguins.csv');
      const script = join(here, 'python/predict.py');
      const answer = await output(python, [
        script,
        'by_python',
        gentoo,
        '--upload',
        file,
        '--target',
        'species',
        ...addresses,
      ]);
      expect(answer).toMatchObject({
        state: 'RUN_STATE_PROMOTED',
        model: 'by_python',
        version: 1,
        label: 'Gentoo',
      });
      const said = await refusal(python, [script, 'by_python', '{"island": "Biscoe"}', ...addresses]);
      expect(said).toContain('RK_FEATURE_MISSING');
    },
  );
  if (!pythonCanGrpc)
    console.log(
      `skipped: the Python client (${python} has no grpcio and grpcio-tools; PYTHON may name one that has)`,
    );
});
