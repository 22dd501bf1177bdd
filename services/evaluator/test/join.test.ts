import { connectBus, createOutbox } from '@rookery/bus';
import type { Bus, Consumption, Outbox } from '@rookery/bus';
import { collect, startNatsServer } from '@rookery/bus/testing';
import type { NatsServer } from '@rookery/bus/testing';
import { artifactTypes, events } from '@rookery/contracts';
import { loadPredictor, trainedModelFromProto } from '@rookery/nn';
import { noPlugins } from '@rookery/plugin';
import { ModelPackage, ReferenceProfile, TrainedModel } from '@rookery/proto/rookery/artifacts/v1/artifacts';
import type { FoldTrained, RunStarted } from '@rookery/proto/rookery/events/v1/run';
import { FoldEvaluated, RunEvaluated } from '@rookery/proto/rookery/events/v1/run';
import type { Collection } from '@rookery/store';
import { columnByName, compileRowTransformer, summarise, targetNumbers } from '@rookery/tabular';
import type { FittedTransformer } from '@rookery/tabular';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';

import { artifactReader } from '../src/adapters/artifact-reader.js';
import { evaluationCollection } from '../src/adapters/evaluation-collection.js';
import type { EvaluationDocument } from '../src/adapters/evaluation-collection.js';
import { evaluateTrained } from '../src/application/evaluate-trained.js';
import { joinRun } from '../src/application/join-run.js';
import { joinFoldsOfTrial } from '../src/application/join-trial.js';
import { resultOf } from '../src/application/rebuild.js';
import { keepPlan } from '../src/application/keep-plan.js';
import { openFolder, planEvent, quiet, trainedEvent, trainedRun } from './fixtures.js';
import type { RunFixture } from './fixtures.js';

const plugins = noPlugins();
let folder: Awaited<ReturnType<typeof openFolder>>;
let run: RunFixture;

beforeAll(async () => {
  folder = await openFolder();
  run = await trainedRun(folder.artifacts, { runId: 'run-00000000000000aa' });
});
afterAll(() => folder.close());

/** The evaluator's handlers as main.ts composes them. */
function evaluator(evaluations: Collection<EvaluationDocument>, outbox: Outbox) {
  const { artifacts } = folder;
  const reader = artifactReader(artifacts);
  const join = joinRun({ evaluations, reader, artifacts, plugins, outbox, logger: quiet });
  const joinTrial = joinFoldsOfTrial({ evaluations, outbox, reader });
  return {
    plan: keepPlan({ evaluations, reader, join }),
    trained: evaluateTrained({ evaluations, reader, artifacts, plugins, outbox, join, joinTrial }),
  };
}

type Part = RunStarted | FoldTrained;
const isPlan = (part: Part): part is RunStarted => 'gate' in part;

/** An outbox whose bus keeps each id once, as a stream does. */
function recorder(): { outbox: Outbox; of(type: string): unknown[] } {
  const kept = new Map<string, { type: string; data: unknown }>();
  const outbox = createOutbox({
    publishEncoded: async (event, _key, body, { id }) => {
      const duplicate = kept.has(id);
      if (!duplicate)
        kept.set(id, { type: event.type, data: JSON.parse(Buffer.from(body).toString()) as unknown });
      return { sequence: kept.size, duplicate };
    },
  });
  return {
    outbox,
    of: (type) => [...kept.values()].filter((event) => event.type === type).map(({ data }) => data),
  };
}

let collections = 0;
const freshCollection = (): Promise<Collection<EvaluationDocument>> =>
  folder.store.collection<EvaluationDocument>(`evaluations${(collections += 1)}`);

describe('the parts of a run', () => {
  test('join exactly once, with the same result, in whatever order and however often they come', async () => {
    const parts: Part[] = [run.plan, ...run.trained];
    const order = fc
      .tuple(
        fc.shuffledSubarray(parts, { minLength: parts.length }),
        fc.array(fc.constantFrom(...parts), { maxLength: 4 }),
      )
      .map(([all, again]) => [...all, ...again]);
    const extras = fc.array(fc.nat(), { minLength: 10, maxLength: 10 });
    let first: unknown;
    await fc.assert(
      fc.asyncProperty(order, extras, fc.boolean(), async (sequence, places, together) => {
        // The repeated parts move to any place, also before the last of the others.
        places.forEach((place, at) => {
          const [moved] = sequence.splice(at % sequence.length, 1);
          sequence.splice(place % (sequence.length + 1), 0, moved!);
        });
        const { outbox, of } = recorder();
        const handle = evaluator(await freshCollection(), outbox);
        const take = (part: Part): Promise<void> =>
          isPlan(part) ? handle.plan(planEvent(part)) : handle.trained(trainedEvent(part));
        if (together) await Promise.all(sequence.map(take));
        else for (const part of sequence) await take(part);
        expect(of(events.runEvaluated.type)).toHaveLength(1);
        expect(of(events.foldEvaluated.type)).toHaveLength(3);
        first ??= of(events.runEvaluated.type)[0];
        expect(of(events.runEvaluated.type)[0]).toEqual(first);
      }),
      { numRuns: 25 },
    );
  });

  test('do not join while one of them is missing', async () => {
    for (const missing of [run.plan, ...run.trained] as Part[]) {
      const { outbox, of } = recorder();
      const handle = evaluator(await freshCollection(), outbox);
      for (const part of [run.plan, ...run.trained] as Part[]) {
        if (part === missing) continue;
        await (isPlan(part) ? handle.plan(planEvent(part)) : handle.trained(trainedEvent(part)));
      }
      expect(of(events.runEvaluated.type)).toHaveLength(0);
    }
  });

  test('joined but not announced before a crash are announced by the next start', async () => {
    const evaluations = await freshCollection();
    const broken = createOutbox({ publishEncoded: () => Promise.reject(new Error('killed here')) });
    const handle = evaluator(evaluations, broken);
    await handle.plan(planEvent(run.plan));
    for (const part of run.trained) await handle.trained(trainedEvent(part)).catch(() => undefined);
    const { outbox, of } = recorder();
    await outbox.recover(evaluations);
    expect(of(events.foldEvaluated.type)).toHaveLength(3);
    // Saved before it was killed, or joined now by the redelivery: once.
    await evaluator(evaluations, outbox).trained(trainedEvent(run.trained[0]!));
    expect(of(events.runEvaluated.type)).toHaveLength(1);
  });

  test('join at the redelivery where the join itself failed the first time', async () => {
    const evaluations = await freshCollection();
    const { outbox, of } = recorder();
    const reader = artifactReader(folder.artifacts);
    let away = true;
    const flaky = {
      ...reader,
      outputs: (sha256: string) => (away ? Promise.reject(new Error('away')) : reader.outputs(sha256)),
    };
    const { artifacts } = folder;
    const join = joinRun({ evaluations, reader: flaky, artifacts, plugins, outbox, logger: quiet });
    const joinTrial = joinFoldsOfTrial({ evaluations, outbox, reader });
    const trained = evaluateTrained({
      evaluations,
      reader: flaky,
      artifacts,
      plugins,
      outbox,
      join,
      joinTrial,
    });
    await keepPlan({ evaluations, reader: flaky, join })(planEvent(run.plan));
    for (const part of run.trained.slice(0, -1)) await trained(trainedEvent(part));
    const last = trainedEvent(run.trained.at(-1)!);
    await expect(trained(last)).rejects.toThrow('away');
    away = false;
    await trained(last);
    expect(of(events.runEvaluated.type)).toHaveLength(1);
  });
});

describe('a joined run', () => {
  const joined = async (fixture: RunFixture): Promise<RunEvaluated> => {
    const { outbox, of } = recorder();
    const handle = evaluator(await freshCollection(), outbox);
    await handle.plan(planEvent(fixture.plan));
    await Promise.all(fixture.trained.map((part) => handle.trained(trainedEvent(part))));
    return RunEvaluated.fromJSON(of(events.runEvaluated.type)[0]);
  };

  test('has the mean and population deviation of every metric, and all held-out rows in its confusion matrix', async () => {
    const evaluated = await joined(run);
    const accuracies = evaluated.folds.map(({ metrics }) => metrics['accuracy'] ?? NaN);
    expect(evaluated.metrics['accuracy']).toEqual(summarise(accuracies));
    const counts = evaluated.confusion?.counts ?? [];
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(45);
    const hits = (counts[0] ?? 0) + (counts[4] ?? 0) + (counts[8] ?? 0);
    const rows = evaluated.folds.map((fold) => fold.rows);
    expect(hits).toBeCloseTo(
      accuracies.reduce((sum, accuracy, fold) => sum + accuracy * (rows[fold] ?? 0), 0),
      6,
    );
    expect(evaluated.trainedSha256).toEqual(run.trained.map(({ trained }) => trained?.sha256));
  });

  test('has a package whose golden rows give its golden outputs, with a gap among them', async () => {
    const evaluated = await joined(run);
    const bytes = await folder.artifacts.get(evaluated.package?.sha256 ?? '');
    const pack = ModelPackage.decode(bytes);
    const transform = compileRowTransformer(JSON.parse(pack.transformerJson) as FittedTransformer);
    const predictor = await loadPredictor(trainedModelFromProto(pack.trained!));
    for (const { row, outputs } of pack.golden) {
      const features = new Float32Array(transform.width);
      transform((name) => row?.values[name]?.kind?.value ?? null, features, 0);
      expect(Array.from(predictor.predict(features, 1))).toEqual(outputs);
    }
    predictor.dispose();
    expect(pack.golden).toHaveLength(8);
    expect(pack.golden.some(({ row }) => row?.values['x']?.kind === undefined)).toBe(true);
    expect(pack.inputExample).toEqual(pack.golden[0]?.row);
    const reference = ReferenceProfile.decode(await folder.artifacts.get(evaluated.reference?.sha256 ?? ''));
    expect(reference.columns.find(({ role }) => role === 'prediction')?.present).toBe(45);
  });

  test('of a regression has no confusion matrix, and its gate counts downwards', async () => {
    const options = { runId: 'run-00000000000000bb', task: 'regression', epochs: 10 } as const;
    const good = await joined(await trainedRun(folder.artifacts, { ...options, threshold: 100 }));
    expect(good.confusion).toBeUndefined();
    expect(good.verdict).toMatchObject({ passed: true, metric: 'rmse' });
    const bad = await joined(await trainedRun(folder.artifacts, { ...options, threshold: 1e-9 }));
    expect(bad.verdict).toMatchObject({ passed: false });
  });

  test('of a binary task has the metrics of the second class', async () => {
    const evaluated = await joined(await trainedRun(folder.artifacts, { runId: 'run-cc', task: 'binary' }));
    expect(Object.keys(evaluated.metrics)).toEqual(
      expect.arrayContaining(['precision', 'recall', 'f1', 'accuracy']),
    );
    expect(evaluated.confusion?.counts).toHaveLength(4);
  });

  test('of a multi-label task has the counts of each label, and each label in its reference', async () => {
    const fixture = await trainedRun(folder.artifacts, { runId: 'run-ee', task: 'multilabel', epochs: 20 });
    const evaluated = await joined({
      ...fixture,
      plan: { ...fixture.plan, gate: { metric: 'f1_micro', threshold: 0.1, allowWorseThanChampion: false } },
    });
    expect(evaluated.verdict).toMatchObject({ passed: true, metric: 'f1_micro' });
    expect(evaluated.confusion).toBeUndefined();
    const { table } = fixture;
    const truths = ['sign', 'right'].map((name) => targetNumbers(columnByName(table, name)));
    expect(evaluated.labelConfusions.map(({ label }) => label)).toEqual(['sign', 'right']);
    evaluated.labelConfusions.forEach((counts, k) => {
      const present = truths[k]!.reduce((sum, flag) => sum + flag, 0);
      expect(counts.truePositives + counts.falseNegatives).toBe(present);
      expect(counts.trueNegatives + counts.falsePositives).toBe(45 - present);
    });
    // Every row counts once: the share of wrong flags over all folds is that of the counts.
    const wrong = evaluated.labelConfusions.reduce(
      (sum, label) => sum + label.falsePositives + label.falseNegatives,
      0,
    );
    const shares = evaluated.folds.map(({ metrics, rows }) => metrics['hamming_loss']! * rows * 2);
    expect(shares.reduce((a, b) => a + b, 0)).toBeCloseTo(wrong, 9);
    const reference = ReferenceProfile.decode(await folder.artifacts.get(evaluated.reference?.sha256 ?? ''));
    expect(reference).toMatchObject({ classes: ['sign', 'right'], labelSeparator: '|', labelThreshold: 0.5 });
    const flags = reference.columns.filter(({ role }) => role !== 'feature');
    expect(flags.map(({ role, name }) => `${role} ${name}`)).toEqual([
      'target sign',
      'target right',
      'prediction sign',
      'prediction right',
    ]);
    for (const { present, categories } of flags)
      expect([present, categories]).toEqual([45, ['false', 'true']]);
    const [sign] = evaluated.labelConfusions;
    expect(flags[2]?.categoryCounts[1]).toBe((sign?.truePositives ?? 0) + (sign?.falsePositives ?? 0));
  });

  test.each(['multiclass', 'multilabel', 'regression'] as const)(
    'of a %s task has folds that the log tells as they were kept: a lost database comes back the same',
    async (task) => {
      const fixture = await trainedRun(folder.artifacts, { runId: `run-log-${task}`, task, epochs: 2 });
      const evaluations = await freshCollection();
      const { outbox, of } = recorder();
      const handle = evaluator(evaluations, outbox);
      await handle.plan(planEvent(fixture.plan));
      for (const part of fixture.trained) await handle.trained(trainedEvent(part));
      const kept = await evaluations.findOne({ _id: fixture.plan.runId });
      const told = of(events.foldEvaluated.type).map((json) =>
        resultOf(FoldEvaluated.fromJSON(json), undefined),
      );
      expect(told).toHaveLength(3);
      expect(told).toEqual(Object.values(kept?.folds ?? {}));
    },
  );

  test('of single-row folds has the metrics that one row has, and its gate on any other one fails', async () => {
    const fixture = await trainedRun(folder.artifacts, {
      runId: 'run-dd',
      rows: 12,
      folds: 12,
      epochs: 1,
      task: 'regression',
    });
    const evaluated = await joined({
      ...fixture,
      plan: { ...fixture.plan, gate: { metric: 'r2', threshold: undefined, allowWorseThanChampion: false } },
    });
    expect(evaluated.metrics).toHaveProperty('rmse');
    expect(evaluated.verdict?.passed).toBe(false);
  });
});

describe('on the bus', () => {
  let server: NatsServer;
  let bus: Bus;
  const running: Consumption[] = [];
  let serial = 0;

  beforeAll(async () => {
    server = await startNatsServer();
    bus = await connectBus({ url: server.url, name: 'evaluator' });
    await bus.ensureTopology();
  });
  afterEach(async () => {
    await Promise.all(running.splice(0).map((consumption) => consumption.stop()));
  });
  afterAll(async () => {
    await bus.close();
    await server.stop();
  });

  const start = async (): Promise<void> => {
    serial += 1;
    const outbox = createOutbox(bus);
    const handle = evaluator(await evaluationCollection(folder.store), outbox);
    running.push(
      await bus.consume(events.runStarted, { durable: `plans-${serial}`, from: 'new', handler: handle.plan }),
      await bus.consume(events.foldTrained, {
        durable: `trained-${serial}`,
        from: 'new',
        concurrency: 4,
        retryDelay: () => 1,
        handler: handle.trained,
      }),
    );
  };

  test('a run whose parts come twice and backwards is evaluated once', async () => {
    await start();
    const fixture = await trainedRun(folder.artifacts, { runId: 'run-00000000000000ee' });
    const { runId } = fixture.plan;
    for (const copy of ['a', 'b']) {
      for (const part of [...fixture.trained].reverse()) {
        await bus.publish(events.foldTrained, runId, part, { id: `${runId}-${part.fold}-${copy}` });
      }
      await bus.publish(events.runStarted, runId, fixture.plan, { id: `${runId}-plan-${copy}` });
    }
    const [evaluated] = await collect(bus, events.runEvaluated, 1);
    expect(evaluated).toMatchObject({ key: runId, correlationId: runId });
    const [plans, trained] = running;
    await expect.poll(() => plans?.lag(), { timeout: 10_000 }).toMatchObject({ pending: 0, ackPending: 0 });
    await expect.poll(() => trained?.lag(), { timeout: 10_000 }).toMatchObject({ pending: 0, ackPending: 0 });
    let count = 0;
    await (
      await bus.replay(events.runEvaluated, { key: runId, onEvent: () => void (count += 1) })
    ).done;
    expect(count).toBe(1);
    count = 0;
    await (
      await bus.replay(events.foldEvaluated, { key: runId, onEvent: () => void (count += 1) })
    ).done;
    expect(count).toBe(3);
  });

  test.each([
    [
      'whose data set is gone',
      'RK_ARTIFACT_NOT_FOUND',
      { dataset: { sha256: 'a'.repeat(64), bytes: 1, mediaType: 'a/b' } },
    ],
    [
      'whose bundle is gone',
      'RK_ARTIFACT_NOT_FOUND',
      { bundle: { sha256: 'b'.repeat(64), bytes: 1, mediaType: 'a/b' } },
    ],
    [
      'whose network is gone',
      'RK_ARTIFACT_NOT_FOUND',
      { trained: { sha256: 'c'.repeat(64), bytes: 1, mediaType: 'a/b' } },
    ],
    ['without a network', 'RK_MESSAGE_MISSING_FIELD', { trained: undefined }],
  ])('a fold %s is a dead letter with code %s, named by its run', async (_, code, fields) => {
    await start();
    const runId = `run-gone-${serial}`;
    await bus.publish(
      events.foldTrained,
      runId,
      { ...run.trained[0]!, runId, ...fields },
      { id: `${runId}-gone` },
    );
    const letter = await letterAbout(runId);
    expect(letter).toMatchObject({ code, consumer: `trained-${serial}`, attempts: 1 });
  });

  test('a network that gives no number for a held-out row is a dead letter that names the row', async () => {
    await start();
    const runId = `run-overflow-${serial}`;
    const model = TrainedModel.decode(await folder.artifacts.get(run.trained[0]?.trained?.sha256 ?? ''));
    const weights = new Float32Array(model.weights.length / 4).fill(3e38);
    const broken = TrainedModel.encode({ ...model, weights: Buffer.from(weights.buffer) }).finish();
    const trained = await folder.artifacts.put(broken, artifactTypes.trainedModel);
    await bus.publish(
      events.foldTrained,
      runId,
      { ...run.trained[0]!, runId, trained },
      { id: `${runId}-broken` },
    );
    const letter = await letterAbout(runId);
    expect(letter.code).toBe('RK_EVALUATION_FAILED');
    expect(run.heldOut[0]).toContain(Number(letter.details['row']));
  });

  async function letterAbout(runId: string) {
    for (let seen = 1; ; seen += 1) {
      const letters = await collect(bus, events.deadLetter, seen);
      const found = letters.find(({ data }) => data.subject.endsWith(runId));
      if (found) return found.data;
    }
  }
});

describe('a trial', () => {
  const trial = { searchId: 'run-00000000000000ab', trial: 3, rung: 1 };
  const runId = `${trial.searchId}-t3r1`;

  test('is announced once with the means of its folds, whatever the order and however often they come', async () => {
    const ofRun = run.trained.filter((part) => !part.final).map((part) => ({ ...part, runId, trial }));
    const reference = recorder();
    const whole = evaluator(await freshCollection(), reference.outbox);
    await whole.plan(planEvent(run.plan));
    for (const part of run.trained) await whole.trained(trainedEvent(part));
    const [{ metrics: expected }] = reference
      .of(events.runEvaluated.type)
      .map((data) => RunEvaluated.fromJSON(data)) as [RunEvaluated];
    await fc.assert(
      fc.asyncProperty(
        fc.shuffledSubarray([...ofRun, ...ofRun], { minLength: ofRun.length * 2 }),
        async (parts) => {
          const { outbox, of } = recorder();
          const { trained } = evaluator(await freshCollection(), outbox);
          for (const part of parts) await trained(trainedEvent(part));
          expect(of(events.trialEvaluated.type)).toEqual([
            expect.objectContaining({ runId, metrics: expected }),
          ]);
          expect(of(events.runEvaluated.type)).toEqual([]);
        },
      ),
      { numRuns: 10 },
    );
  });

  test('says nothing while a fold is missing', async () => {
    const { outbox, of } = recorder();
    const { trained } = evaluator(await freshCollection(), outbox);
    const folds = run.trained.filter((part) => !part.final);
    for (const part of folds.slice(1)) await trained(trainedEvent({ ...part, runId, trial }));
    expect(of(events.trialEvaluated.type)).toEqual([]);
  });
});
