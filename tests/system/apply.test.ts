import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import * as grpc from '@grpc/grpc-js';
import { openArtifacts } from '@rookery/artifacts';
import type { ArtifactStore } from '@rookery/artifacts';
import { decodeRowNumbers, events } from '@rookery/contracts';
import { openPlugins, withPluginColumns } from '@rookery/plugin';
import type { Plugins } from '@rookery/plugin';
import { FoldBundle } from '@rookery/proto/rookery/artifacts/v1/artifacts';
import { ColumnType, Row } from '@rookery/proto/rookery/domain/v1/data';
import type { Value } from '@rookery/proto/rookery/domain/v1/data';
import type { FoldJob } from '@rookery/proto/rookery/events/v1/run';
import {
  PluginKind,
  PluginState,
  TransformServiceClient,
} from '@rookery/proto/rookery/transform/v1/transform';
import type { ApplyResponse } from '@rookery/proto/rookery/transform/v1/transform';
import { callUnary, createGrpcClient } from '@rookery/service-kit/client';
import { rowAt, tableFromArrow, transformRows } from '@rookery/tabular';
import type { FittedTransformer, Table } from '@rookery/tabular';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { repositoryRoot, startTestSystem } from './support/test-system.js';
import type { TestSystem } from './support/test-system.js';

/** Makes the length of a text; does as it is told by some texts. */
const letters = `export default {
  rookery: 1,
  kind: 'transform',
  fit: () => new Uint8Array(),
  load: () => null,
  featureNames: () => ['length', 'size'],
  transform: (loaded, [{ values }, sizes]) => {
    while (values.includes('hang'));
    if (values.includes('exit')) process.exit(3);
    if (values.includes('throw')) throw new Error('no letters today');
    if (values.includes('infinity')) return values.flatMap(() => [Infinity, 1]);
    return values.flatMap((text, i) => [text === null || text === 'nan' ? NaN : text.length, sizes.values[i]]);
  },
};
`;
const rows = 1_500;
const callMs = 4_000;

let folder: string;
let world: TestSystem;
let transform: TransformServiceClient;
let artifacts: ArtifactStore;
let plugins: Plugins;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'rookery-apply-'));
  const own = join(folder, 'letters');
  mkdirSync(own);
  const manifest = { name: 'letters', version: '1.2.3', type: 'module' };
  writeFileSync(join(own, 'package.json'), JSON.stringify(manifest));
  writeFileSync(join(own, 'index.js'), letters);
  const allowed = [join(repositoryRoot, 'examples', 'plugins', 'tfidf'), own];
  world = await startTestSystem({
    services: ['ingest', 'transform'],
    env: { ROOKERY_PLUGINS: allowed.join(','), ROOKERY_PLUGIN_CALL_MS: String(callMs) },
  });
  transform = createGrpcClient(TransformServiceClient, world.system.addresses['transform'] ?? '');
  artifacts = await openArtifacts({ url: 'nats:', nc: world.nats });
  plugins = openPlugins({
    allowed,
    root: folder,
    memoryMb: 512,
    fitMs: 30_000,
    callMs: 30_000,
    script: pathToFileURL(join(repositoryRoot, 'services/transform/dist/plugin-worker.js')),
  });
});

afterAll(async () => {
  await plugins?.close();
  transform?.close();
  await world?.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** A table whose class stands in the words of a note, with numbers that no float32 is equal to, and with gaps where asked for. */
function writeNotes(name: string, gaps: boolean): string {
  const words = [
    ['sun', 'sand', 'palm'],
    ['ice', 'snow', 'wind'],
    ['rain', 'pond', 'mud'],
  ];
  const lines = Array.from({ length: rows }, (_, row) => {
    const own = words[row % 3]!;
    const note = gaps && row % 29 === 0 ? '' : `${own[row % 2]} and ${own[(row % 2) + 1]} at ${row % 200}`;
    const size = gaps && row % 31 === 0 ? '' : String(((row * 7) % 113) / 7);
    return `${note},${size},${['warm', 'cold', 'wet'][row % 3]}`;
  });
  const path = join(folder, `${name}.csv`);
  writeFileSync(path, `note,size,weather\n${lines.join('\n')}\n`);
  return pathToFileURL(path).href;
}

interface Planned {
  readonly runId: string;
  readonly table: Table;
  /** By the job's number: folds, then the final model. */
  readonly jobs: readonly FoldJob[];
}

/** A run as far as its jobs: nothing is trained here. */
async function plan(
  name: string,
  preprocessing: Record<string, unknown>,
  { gaps = true }: { gaps?: boolean } = {},
): Promise<Planned> {
  const published = await world.client.publish({
    name,
    uri: writeNotes(name, gaps),
    target: 'weather',
    folds: 2,
    columnTypes: { note: ColumnType.COLUMN_TYPE_CATEGORICAL },
    preprocessing,
  });
  await published.stop();
  const { runId } = published;
  const jobs = await Promise.all(
    [0, 1, 2].map((fold) =>
      world.tap.wait(events.foldJob, (job) => job.runId === runId && job.fold === fold, `job ${fold}`),
    ),
  );
  const [first] = jobs;
  const table = tableFromArrow(await artifacts.get(first?.data.dataset?.sha256 ?? ''));
  return { runId, table, jobs: jobs.map(({ data }) => data) };
}

function toRow(cells: Readonly<Record<string, unknown>>): Row {
  const values: Record<string, Value> = {};
  for (const [name, value] of Object.entries(cells)) {
    if (typeof value === 'number') values[name] = { kind: { $case: 'number', value } };
    else if (typeof value === 'string') values[name] = { kind: { $case: 'text', value } };
    else values[name] = { kind: undefined };
  }
  return Row.create({ values });
}

function apply(runId: string, given: Row[], fold?: number, signal?: AbortSignal): Promise<ApplyResponse> {
  const request = { runId, fold, rows: given };
  return callUnary(transform, 'apply', request, { timeoutMs: 60_000, ...(signal ? { signal } : {}) });
}

const told = (note: string, size = 3): Row => toRow({ note, size });
const refusal = (call: Promise<unknown>): Promise<unknown> =>
  call.then(
    () => undefined,
    (error: unknown) => error,
  );

/** Floats by their bits: −0, and NaN, are what they are. */
function bitsOf(floats: ArrayLike<number>): Uint32Array {
  return new Uint32Array(Float32Array.from(floats).buffer);
}

const words = {
  plugin: 'rookery-plugin-tfidf',
  name: 'words',
  columns: ['note'],
  options: { maxFeatures: 20 },
};
const lengths = { plugin: 'letters', name: 'letters', columns: ['note', 'size'] };

it('tells which plug-ins are allowed, by name, version and hash, and that they load', async () => {
  const sha256 = expect.stringMatching(/^[0-9a-f]{64}$/) as string;
  const transforms = { kind: PluginKind.PLUGIN_KIND_TRANSFORM, state: PluginState.PLUGIN_STATE_LOADS };
  expect(await world.client.plugins()).toMatchObject([
    { plugin: { name: 'rookery-plugin-tfidf', version: '1.0.0', sha256 }, forNewRuns: true, ...transforms },
    { plugin: { name: 'letters', version: '1.2.3', sha256 }, forNewRuns: true, code: '', ...transforms },
  ]);
});

describe('rows of a caller through a transformer with plug-ins', () => {
  it('are the floats of training to the bit, for each fold and the final model, in one call or many side by side', async () => {
    const { runId, table, jobs } = await plan('bits', { plugins: [words, lengths] });
    for (const [fold, job] of jobs.entries()) {
      const bundle = FoldBundle.decode(await artifacts.get(job.bundle?.sha256 ?? ''));
      const fitted = JSON.parse(bundle.transformerJson) as FittedTransformer;
      const train = decodeRowNumbers(bundle.trainRows);
      const extended = await withPluginColumns(plugins, fitted, table, train, 'training');
      const { data, width } = transformRows(fitted, extended, train);
      const all = Array.from(train, (row) => toRow(rowAt(table, row)));
      const [whole, ...alone] = await Promise.all([
        apply(runId, all, fold),
        ...all.slice(0, 12).map((row) => apply(runId, [row], fold)),
      ]);
      expect(whole.featureNames).toEqual(fitted.featureNames);
      expect(bitsOf(whole.values)).toEqual(bitsOf(data));
      for (const [i, one] of alone.entries())
        expect(bitsOf(one.values)).toEqual(bitsOf(data.slice(i * width, (i + 1) * width)));
    }
    const final = await apply(runId, [told('snow and wind', 2)], 2);
    expect(await apply(runId, [told('snow and wind', 2)])).toEqual(final);
  });

  it.each<[string, string, string, string]>([
    ['hangs', 'hang', 'RK_PLUGIN_TIMEOUT', 'no answer within'],
    ['exits', 'exit', 'RK_PLUGIN_FAILED', 'exit code 3'],
    ['throws', 'throw', 'RK_PLUGIN_FAILED', 'no letters today'],
    ['gives infinity', 'infinity', 'RK_PLUGIN_OUTPUT', 'Infinity'],
  ])(
    'fail with the reason where the plug-in %s; calls beside and behind are answered',
    async (_, note, code, text) => {
      const { runId } = await plan(`fails-${note}`, { plugins: [lengths] });
      const failing = refusal(apply(runId, [told(note)]));
      const others = await Promise.all(['a', 'ab', 'abc', 'abcd'].map((one) => apply(runId, [told(one)])));
      expect(new Set(others.map(({ values }) => values[0])).size).toBe(4);
      const error = (await failing) as Error;
      expect(error).toMatchObject({ code });
      for (const part of [text, 'letters 1.2.3', runId]) expect(error.message).toContain(part);
      expect((await apply(runId, [told('a')])).values).toEqual(others[0]!.values);
      expect(await world.unhealthy()).toEqual([]);
    },
  );

  it('have a missing number where the plug-in has none: filled as in training, refused by row where nothing fills it', async () => {
    const filled = await plan('nan', { plugins: [lengths] });
    const [nothing, missing] = await Promise.all([
      apply(filled.runId, [told('nan')]),
      apply(filled.runId, [toRow({ note: null, size: 3 })]),
    ]);
    expect(nothing.values.every(Number.isFinite)).toBe(true);
    expect(nothing.values).toEqual(missing.values);
    const unfilled = { plugins: [lengths], numeric: { imputer: 'none', scaler: 'none' } };
    const bare = await plan('bare', unfilled, { gaps: false });
    expect(await refusal(apply(bare.runId, [told('snow'), told('nan')]))).toMatchObject({
      code: 'RK_FEATURE_REFUSED',
      details: { row: '1', feature: 'letters__length' },
    });
  });

  it('leave nothing behind where the caller gives up: its process ends, and the next call is answered', async () => {
    const { runId } = await plan('given-up', { plugins: [lengths] });
    const other = await plan('another', { plugins: [words] });
    const { values } = await apply(runId, [told('abc')]);
    const stop = new AbortController();
    const hanging = [1, 2, 3, 4].map(() => refusal(apply(runId, [told('hang')], undefined, stop.signal)));
    // By then they are at work, or wait: they came first.
    expect((await apply(other.runId, [told('snow')])).rows).toBe(1);
    stop.abort();
    for (const one of hanging) expect(await one).toMatchObject({ code: grpc.status.CANCELLED });
    expect((await apply(runId, [told('abc')])).values).toEqual(values);
    expect(await world.unhealthy()).toEqual([]);
  });
});
