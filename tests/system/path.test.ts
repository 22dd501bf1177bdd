import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { headers } from '@nats-io/transport-node';
import { connectBus } from '@rookery/bus';
import type { Bus } from '@rookery/bus';
import { datasetIdOf, events, runIdOf } from '@rookery/contracts';
import { rowFromProto } from '@rookery/client';
import { Signature, Task } from '@rookery/proto/rookery/domain/v1/data';
import { RejectionStage } from '@rookery/proto/rookery/events/v1/model';
import type { RunStarted } from '@rookery/proto/rookery/events/v1/run';
import { RunState } from '@rookery/proto/rookery/registry/v1/registry';
import type { Run } from '@rookery/proto/rookery/registry/v1/registry';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { exampleCsv, labelledRows, mapColumn, scrambleColumn, writeCsv } from './support/csv.js';
import { exampleUri, pathServices, startTestSystem } from './support/test-system.js';
import type { TestSystem } from './support/test-system.js';
import { eventually } from './support/waiting.js';

let world: TestSystem;
let bus: Bus;

beforeAll(async () => {
  // One drifted column of seven is drift of the data set here.
  world = await startTestSystem({
    env: {
      ROOKERY_DRIFT_SHARE: '0.1',
      // What a killed process had in hand comes back sooner than by default.
      ROOKERY_ACK_WAIT_MS: '5000',
      ROOKERY_JOB_ACK_WAIT_MS: '5000',
    },
  });
  bus = await connectBus({ url: world.system.natsUrl, name: 'test' });
});

afterAll(async () => {
  await bus?.close();
  await world?.stop();
});

/** The plans of a run that the log holds: one, unless a run was started twice. */
async function startsOf(runId: string): Promise<RunStarted[]> {
  const starts: RunStarted[] = [];
  const replay = await bus.replay(events.runStarted, {
    key: runId,
    onEvent: ({ data }) => void starts.push(data),
  });
  await replay.done;
  return starts;
}

/** Resolves when a durable consumer has handled all that its stream holds for it. */
async function drained(durable: string): Promise<void> {
  await eventually(async () => {
    const info = await bus.jsm.consumers.info('ML_EVENTS', durable);
    return info.num_pending === 0 && info.num_ack_pending === 0 ? true : undefined;
  }, `${durable} has handled everything`);
}

/** The run when all that happened to it has reached the registry, the first swap included. */
function finishedRun(runId: string): Promise<Run> {
  return eventually(async () => {
    const run = await world.client.run(runId);
    return run.publishedToServingMs > 0 ? run : undefined;
  }, `the record of ${runId}`);
}

/** How many messages the log holds on each of the subjects. */
async function storedEvents(subjects: readonly string[]): Promise<Record<string, number>> {
  const counts = subjects.map(async (subject) => {
    const { state } = await bus.jsm.streams.info('ML_EVENTS', { subjects_filter: subject });
    return [subject, state.subjects?.[subject] ?? 0] as const;
  });
  return Object.fromEntries(await Promise.all(counts));
}

function meanAndDeviation(values: readonly number[]): { mean: number; std: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return {
    mean,
    std: Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length),
  };
}

describe('a bare JSON message of a plain NATS client', () => {
  it('becomes a served model that answers, and a run record that can be checked', async () => {
    const uri = exampleUri('penguins.csv');
    world.nats.publish('ml.dataset.ready', JSON.stringify({ name: 'penguins', uri, target: 'species' }));

    const swapped = await world.tap.wait(
      events.inferenceSwapped,
      ({ model }) => model === 'penguins',
      'the swap',
    );
    const { runId, version } = swapped.data;
    const [answer] = await world.client.predict('penguins', [
      {
        island: 'Biscoe',
        culmen_length_mm: 50,
        culmen_depth_mm: 15,
        flipper_length_mm: 220,
        body_mass_g: 5000,
        sex: 'MALE',
      },
    ]);
    expect(answer).toMatchObject({ model: 'penguins', version, label: 'Gentoo' });
    expect(Object.keys(answer?.probabilities ?? {})).toEqual(['Adelie', 'Chinstrap', 'Gentoo']);
    const sum = Object.values(answer?.probabilities ?? {}).reduce((a, b) => a + b, 0);
    expect(sum).toBeCloseTo(1, 5);

    const run = await finishedRun(runId);
    const file = readFileSync(fileURLToPath(uri));
    expect(run).toMatchObject({ model: 'penguins', state: RunState.RUN_STATE_PROMOTED, version, code: '' });
    expect(run.plan).toMatchObject({
      folds: 5,
      stratified: true,
      seed: 42,
      rows: 344,
      task: Task.TASK_MULTICLASS,
      target: 'species',
    });
    expect(run.verdict).toMatchObject({ passed: true, metric: 'accuracy', threshold: 0.7 });
    expect(run.backend).toMatch(/^(gpu|node|wasm|cpu)$/);
    expect(run.traceId).toMatch(/^[0-9a-f]{32}$/);

    const folds = run.jobs.filter(({ final }) => !final);
    expect(run.jobs).toHaveLength(6);
    expect(folds.map(({ state }) => state)).toEqual(Array(5).fill('evaluated'));
    expect(folds.reduce((rows, { result }) => rows + (result?.rows ?? 0), 0)).toBe(344);
    expect(run.confusion?.counts.reduce((a, b) => a + b, 0)).toBe(344);
    const names = Object.keys(folds[0]?.result?.metrics ?? {});
    expect(names).toContain('accuracy');
    for (const name of names) {
      const recomputed = meanAndDeviation(folds.map(({ result }) => result?.metrics[name] ?? NaN));
      expect(run.metrics[name]?.mean, `mean ${name}`).toBeCloseTo(recomputed.mean, 12);
      expect(run.metrics[name]?.std, `std ${name}`).toBeCloseTo(recomputed.std, 12);
    }
    expect(run.metrics['accuracy']?.mean).toBeGreaterThan(0.8);

    const { lineage } = await world.client.modelVersion('penguins', version);
    const [dataset] = await world.client.datasets({ name: 'penguins' });
    const requestEventId = run.plan?.requestEventId ?? '';
    expect(requestEventId).not.toBe('');
    expect(runIdOf(requestEventId)).toBe(runId);
    expect(lineage).toMatchObject({
      runId,
      requestEventId,
      datasetId: datasetIdOf(requestEventId),
      datasetName: 'penguins',
      datasetVersion: 1,
      datasetSha256: run.plan?.dataset?.sha256,
      sourceUri: uri,
      folds: 5,
      stratified: true,
      seed: 42,
      traceId: run.traceId,
    });
    expect(lineage?.environment?.backend).toBe(run.backend);
    expect(lineage?.environment?.codeVersion).not.toBe('');
    expect(dataset?.sourceSha256).toBe(createHash('sha256').update(file).digest('hex'));
    expect(dataset?.artifact?.sha256).toBe(run.plan?.dataset?.sha256);
  });
});

describe('the task is inferred from the target', () => {
  it('numbers give a regression that is judged by rmse and answers with a number', async () => {
    const { runId, version } = await world.serve({
      name: 'diabetes',
      uri: exampleUri('diabetes.csv'),
      target: 'target',
    });
    const run = await finishedRun(runId);
    expect(run.plan).toMatchObject({ task: Task.TASK_REGRESSION, stratified: false });
    expect(run.verdict).toMatchObject({ passed: true, metric: 'rmse' });
    const { mean, std } = meanAndDeviation(run.jobs.flatMap(({ result }) => result?.metrics['rmse'] ?? []));
    expect(run.metrics['rmse']?.mean).toBeCloseTo(mean, 9);
    expect(run.metrics['rmse']?.std).toBeCloseTo(std, 9);
    // Always saying the mean of the target has an rmse of 77.
    expect(mean).toBeLessThan(70);

    const rows = labelledRows(exampleCsv('diabetes.csv'), version.signature ?? Signature.fromPartial({}));
    const answers = await world.client.predict(
      'diabetes',
      rows.map(({ row }) => row),
    );
    expect(answers.every(({ label, value }) => label === undefined && Number.isFinite(value))).toBe(true);
    const errors = answers.map(({ value }, k) => ((value ?? NaN) - Number(rows[k]?.truth)) ** 2);
    expect(Math.sqrt(meanAndDeviation(errors).mean)).toBeLessThan(70);
  });

  it('two classes give a binary classification with a probability for each', async () => {
    const { runId, version } = await world.serve({
      name: 'breast_cancer',
      uri: exampleUri('breast_cancer.csv'),
      target: 'diagnosis',
    });
    const run = await finishedRun(runId);
    expect(run.plan).toMatchObject({ task: Task.TASK_BINARY, stratified: true });
    expect(run.metrics['accuracy']?.mean).toBeGreaterThan(0.9);
    const [answer] = await world.client.predict('breast_cancer', [rowFromProto(version.inputExample)]);
    expect(Object.keys(answer?.probabilities ?? {})).toEqual(['benign', 'malignant']);
    expect(Object.values(answer?.probabilities ?? {}).reduce((a, b) => a + b, 0)).toBeCloseTo(1, 5);
  });
});

describe('the same again', () => {
  it('an event that is published twice gives one run, also where the broker can not see that it is the same', async () => {
    const id = 'published-twice';
    const body = JSON.stringify({
      name: 'twice',
      uri: exampleUri('penguins.csv'),
      target: 'species',
      epochs: 3,
      gate: { threshold: 0 },
    });
    const publish = (messageId: string, more: Record<string, string> = {}) => {
      const head = headers();
      head.set('Nats-Msg-Id', messageId);
      for (const [name, value] of Object.entries(more)) head.set(name, value);
      return bus.js.publish('ml.dataset.ready', body, { headers: head });
    };
    const first = await publish(id);
    const second = await publish(id);
    expect([first.duplicate, second.duplicate]).toEqual([false, true]);
    // A bridge or an import: the broker sees another message, its CloudEvents id says that it is the same event.
    const third = await publish('through-a-bridge', { 'ce-id': id });
    expect(third.duplicate).toBe(false);
    const runId = runIdOf(id);
    await world.tap.wait(events.inferenceSwapped, (data) => data.runId === runId, 'the swap');
    const fourth = await publish('through-a-bridge-later', { 'ce-id': id });
    expect(fourth.duplicate).toBe(false);
    await drained('ingest');
    await drained('transform');

    expect(await startsOf(runId)).toHaveLength(1);
    const runs = await world.client.runs({ model: 'twice' });
    expect(runs.map((run) => run.runId)).toEqual([runId]);
    const { versions } = await world.client.model('twice');
    expect(versions).toHaveLength(1);
    expect(await world.client.datasets({ name: 'twice' })).toHaveLength(1);
    expect(world.tap.seen(events.runEvaluated, (data) => data.runId === runId)).toHaveLength(1);
  });

  it('the same data and seed give the same weights to the bit, and another seed gives others', async () => {
    const weightsOf = async (model: string, seed: number): Promise<string[]> => {
      const { runId } = await world.serve({
        name: 'repeated',
        model,
        uri: exampleUri('penguins.csv'),
        target: 'species',
        seed,
        epochs: 10,
        gate: { metric: '', threshold: 0, allowWorseThanChampion: true },
      });
      const run = await finishedRun(runId);
      const jobs = [...run.jobs].sort((a, b) => a.fold - b.fold);
      return jobs.map(({ trained }) => trained?.sha256 ?? '');
    };
    const first = await weightsOf('repeated_a', 7);
    const second = await weightsOf('repeated_b', 7);
    const other = await weightsOf('repeated_c', 8);
    expect(first).toHaveLength(6);
    expect(first.every((sha256) => /^[0-9a-f]{64}$/.test(sha256))).toBe(true);
    expect(second).toEqual(first);
    expect(other.filter((sha256) => first.includes(sha256))).toEqual([]);
  });
});

describe('the champion', () => {
  it('keeps serving where a newer model is worse, and the reasons name both numbers', async () => {
    const good = await world.serve({ name: 'contested', uri: exampleUri('penguins.csv'), target: 'species' });
    const scrambled = scrambleColumn(exampleCsv('penguins.csv'), 'species');
    const { end, runId } = await world.run({
      name: 'contested',
      uri: writeCsv(world.directory, 'scrambled.csv', scrambled),
      target: 'species',
      gate: { metric: 'accuracy', threshold: 0.1, allowWorseThanChampion: false },
    });
    if (end.state !== 'rejected') throw new Error(`the run ended as ${end.state}`);
    expect(end.rejection).toMatchObject({
      code: 'RK_CHAMPION_BETTER',
      stage: RejectionStage.REJECTION_STAGE_CHAMPION,
    });

    const run = await eventually(async () => {
      const found = await world.client.run(runId);
      return found.state === RunState.RUN_STATE_REJECTED ? found : undefined;
    }, 'the record of the rejected run');
    const worse = run.metrics['accuracy']?.mean ?? NaN;
    const better = good.version.metrics['accuracy']?.mean ?? NaN;
    expect(worse).toBeLessThan(better);
    expect(end.rejection.reasons.join(' ')).toContain(`${worse.toFixed(4)} against ${better.toFixed(4)}`);
    expect(run.verdict?.passed).toBe(true);

    const [answer] = await world.client.predict('contested', [rowFromProto(good.version.inputExample)]);
    expect(answer?.version).toBe(good.version.version);
    const champion = await world.client.modelVersion('contested', 'champion');
    expect(champion.version).toBe(good.version.version);
  });
});

describe('the monitor', () => {
  it('turns labels into the accuracy of what was served, and finds no drift in the training data', async () => {
    const { version } = await world.serve({
      name: 'labelled',
      uri: exampleUri('penguins.csv'),
      target: 'species',
    });
    const signature = version.signature ?? Signature.fromPartial({});
    const rows = labelledRows(exampleCsv('penguins.csv'), signature);
    const answers = await world.client.predict(
      'labelled',
      rows.map(({ row }) => row),
    );
    const labels = answers.map(({ id }, k) => ({ predictionId: id, label: rows[k]?.truth ?? '' }));
    expect(await world.client.label('labelled', labels)).toBe(rows.length);
    await eventually(async () => {
      const [status] = await world.client.monitored('labelled');
      return status?.labelled === rows.length && status.captured === rows.length ? true : undefined;
    }, 'all labels are joined');

    const report = await world.client.report({ model: 'labelled', window: rows.length });
    const right = answers.filter(({ label }, k) => label === rows[k]?.truth).length;
    expect(report).toMatchObject({
      version: version.version,
      predictions: rows.length,
      labelled: rows.length,
    });
    expect(report.quality['accuracy']).toBeCloseTo(right / rows.length, 12);
    expect(report.baseline['accuracy']).toBeCloseTo(version.metrics['accuracy']?.mean ?? NaN, 12);
    expect(report.columns.filter(({ drifted, role }) => drifted && role === 'feature')).toEqual([]);
    expect(report.columns.filter(({ role }) => role === 'feature').map(({ status }) => status)).toEqual(
      Array(6).fill('ok'),
    );
  });

  it('says ml.drift.detected where one column moved, and names that column', async () => {
    const { version } = await world.serve({
      name: 'drifting',
      uri: exampleUri('penguins.csv'),
      target: 'species',
    });
    const signature = version.signature ?? Signature.fromPartial({});
    const heavier = mapColumn(exampleCsv('penguins.csv'), 'body_mass_g', (cell) =>
      cell === 'NA' ? cell : String(Number(cell) + 1500),
    );
    const rows = labelledRows(heavier, signature).map(({ row }) => row);
    await world.client.predict('drifting', rows);
    const report = await world.client.report({
      model: 'drifting',
      window: rows.length,
      minPredictions: rows.length,
      waitMs: 20_000,
    });
    expect(report.predictions).toBe(rows.length);
    expect(
      report.columns.filter(({ drifted, role }) => drifted && role === 'feature').map(({ name }) => name),
    ).toEqual(['body_mass_g']);
    const drift = await world.tap.wait(
      events.driftDetected,
      ({ reportId }) => reportId === report.reportId,
      'the drift',
    );
    expect(drift.data).toMatchObject({
      model: 'drifting',
      version: version.version,
      datasetDrift: { drifted: true },
    });
    expect(drift.data.columns).toContain('body_mass_g');
    const body = report.columns.find(({ name }) => name === 'body_mass_g');
    expect(body?.outOfRangeShare).toBeGreaterThan(0.2);
  });
});

describe('a service that is killed', () => {
  /** Kills a service at the moment when it has work of this run. */
  const momentOf: Record<string, (runId: string) => Promise<unknown>> = {
    ingest: async () => undefined,
    transform: (runId) =>
      world.tap.wait(events.datasetIngested, (data) => runIdOf(data.requestEventId) === runId, 'ingested'),
    trainer: (runId) => world.tap.wait(events.runStarted, (data) => data.runId === runId, 'started'),
    evaluator: (runId) => world.tap.wait(events.foldTrained, (data) => data.runId === runId, 'trained'),
    registry: (runId) => world.tap.wait(events.foldEvaluated, (data) => data.runId === runId, 'evaluated'),
    inference: (runId) =>
      world.tap.wait(events.modelRegistered, (data) => data.lineage?.runId === runId, 'registered'),
    monitor: (runId) => world.tap.wait(events.runStarted, (data) => data.runId === runId, 'started'),
  };

  it('comes back, and the run that it was needed for ends: each service in turn', async () => {
    const outcomes: { service: string; outcome: Promise<unknown> }[] = [];
    for (const service of pathServices) {
      const process = world.system.processes.get(service);
      if (!process) throw new Error(`${service} does not run`);
      const before = { pid: process.pid, restarts: process.restarts };
      const published = await world.client.publish({
        name: `killed_${service}`,
        uri: exampleUri('penguins.csv'),
        target: 'species',
        epochs: 150,
        gate: { metric: '', threshold: 0, allowWorseThanChampion: true },
      });
      outcomes.push({ service, outcome: published.outcome.then(({ state }) => state) });
      await momentOf[service]?.(published.runId);
      expect(process.kill('SIGKILL')).toBe(true);
      await eventually(
        () => (process.restarts > before.restarts ? true : undefined),
        `${service} is started again`,
      );
      await world.system.waitReady(service, 60_000);
      expect(process.pid).not.toBe(before.pid);
    }
    // Work that was in the hands of a killed process comes back when the broker has waited long enough for it.
    const ends = await Promise.all(outcomes.map(({ outcome }) => outcome));
    expect(Object.fromEntries(outcomes.map(({ service }, k) => [service, ends[k]]))).toEqual(
      Object.fromEntries(pathServices.map((service) => [service, 'serving'])),
    );
    for (const service of pathServices) {
      const runs = await world.client.runs({ model: `killed_${service}` });
      expect(
        runs.map(({ state }) => state),
        service,
      ).toEqual([RunState.RUN_STATE_PROMOTED]);
      expect(runs[0]?.jobs.map(({ fold }) => fold).sort(), service).toEqual([0, 1, 2, 3, 4, 5]);
      // Whatever was done again, its effect is there once.
      const runId = runs[0]?.runId ?? '';
      const model = `killed_${service}`;
      const once = [
        `ml.run.started.${runId}`,
        `ml.run.evaluated.${runId}`,
        `ml.run.completed.${runId}`,
        `ml.model.registered.${model}`,
        `ml.model.promoted.${model}`,
      ];
      expect(await storedEvents(once), service).toEqual(
        Object.fromEntries(once.map((subject) => [subject, 1])),
      );
    }
  }, 300_000);
});
