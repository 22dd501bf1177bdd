import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

import type { PlainRow, PredictedRow } from '@rookery/client';
import { rowToProto } from '@rookery/client';
import { Task } from '@rookery/proto/rookery/domain/v1/data';
import { InferenceServiceClient } from '@rookery/proto/rookery/inference/v1/inference';
import type { PredictStreamResponse } from '@rookery/proto/rookery/inference/v1/inference';
import type { Run } from '@rookery/proto/rookery/registry/v1/registry';
import { createGrpcClient } from '@rookery/service-kit/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { exampleUri, startTestSystem } from './support/test-system.js';
import type { TestSystem } from './support/test-system.js';
import { eventually, within } from './support/waiting.js';

let world: TestSystem;

beforeAll(async () => {
  world = await startTestSystem();
});

afterAll(async () => {
  await world?.stop();
});

const topics = ['economy', 'health', 'politics', 'science', 'sports'];
const training = { epochs: 100, learningRate: 0.05, seed: 42 };

interface LabelledRow {
  readonly features: PlainRow;
  readonly labels: readonly string[];
}

/** The rows of data/topics.csv. */
function topicRows(): LabelledRow[] {
  const text = readFileSync(fileURLToPath(exampleUri('topics.csv')), 'utf8');
  const [header = '', ...lines] = text.trim().split('\n');
  const names = header.split(',');
  return lines.map((line) => {
    const cells = Object.fromEntries(line.split(',').map((cell, at) => [names[at]!, Number(cell)]));
    const features = Object.fromEntries(Object.entries(cells).filter(([name]) => !topics.includes(name)));
    return { features, labels: topics.filter((topic) => cells[topic] === 1) };
  });
}

/** Scores of scikit-learn's network on the folds that a run of the table has. */
const oracle = JSON.parse(readFileSync(new URL('../golden/topics/scores.json', import.meta.url), 'utf8')) as {
  readonly rowsOfFolds: readonly number[];
  readonly network: Readonly<Record<string, { readonly min: number; readonly max: number }>>;
};

function write(name: string, text: string): string {
  const file = join(world.directory, name);
  writeFileSync(file, text);
  return pathToFileURL(file).href;
}

async function finished(runId: string): Promise<Run> {
  return eventually(async () => {
    const run = await world.client.run(runId);
    return run.verdict === undefined ? undefined : run;
  }, `the end of ${runId}`);
}

/** 2 × hits / (labels there + labels predicted), over all rows: F1 of all labels together. */
function microF1(
  rows: readonly { readonly truth: readonly string[]; readonly predicted: readonly string[] }[],
): number {
  const hits = rows.reduce(
    (sum, { truth, predicted }) => sum + predicted.filter((one) => truth.includes(one)).length,
    0,
  );
  const both = rows.reduce((sum, { truth, predicted }) => sum + truth.length + predicted.length, 0);
  return (2 * hits) / both;
}

const labelsOf = (answer: PredictedRow | undefined): readonly string[] =>
  answer?.labels ?? ['no set of labels'];

describe('a table with a column of 0 and 1 for each label', () => {
  let run: Run;

  beforeAll(async () => {
    const { runId } = await world.serve({
      name: 'topics',
      uri: exampleUri('topics.csv'),
      targets: topics,
      ...training,
    });
    run = await finished(runId);
  });

  it('is multi-label by itself, with folds that spread the labels, judged by f1_micro', () => {
    expect(run.plan).toMatchObject({
      task: Task.TASK_MULTILABEL,
      target: topics.join(', '),
      stratified: true,
    });
    expect(run.plan?.signature).toMatchObject({
      classes: topics,
      targets: topics,
      labelSeparator: '|',
      labelThreshold: 0.5,
    });
    expect(run.plan?.signature?.features.map(({ name }) => name)).not.toContain('economy');
    expect(run.verdict).toMatchObject({ passed: true, metric: 'f1_micro' });
    expect(run.jobs.flatMap(({ result }) => result?.rows ?? [])).toEqual(oracle.rowsOfFolds);
  });

  it("scores as scikit-learn's network does on the same folds", () => {
    for (const [name, { min, max }] of Object.entries(oracle.network)) {
      const found = run.metrics[name]?.mean;
      const margin = 0.5 * (max - min) + 0.02;
      expect(found, name).toBeGreaterThan(min - margin);
      expect(found, name).toBeLessThan(max + margin);
    }
  });

  it('has the counts of each label over all held-out rows, and metrics of each', () => {
    expect(run.confusion).toBeUndefined();
    expect(run.labelConfusions.map(({ label }) => label)).toEqual(topics);
    const rows = topicRows();
    for (const {
      label,
      trueNegatives,
      falsePositives,
      falseNegatives,
      truePositives,
    } of run.labelConfusions) {
      const present = rows.filter(({ labels }) => labels.includes(label)).length;
      expect(truePositives + falseNegatives).toBe(present);
      expect(trueNegatives + falsePositives).toBe(rows.length - present);
    }
    expect(Object.keys(run.metrics)).toEqual(
      expect.arrayContaining(['f1_of_health', 'roc_auc_of_sports', 'hamming_loss']),
    );
  });

  it('predicts sets of labels: those whose probability is above the threshold', async () => {
    const rows = topicRows().slice(0, 200);
    const answers = await world.client.predict(
      'topics',
      rows.map(({ features }) => features),
    );
    for (const { labels, label, probabilities, value } of answers) {
      expect(Object.keys(probabilities)).toEqual(topics);
      expect(labels).toEqual(topics.filter((topic) => probabilities[topic]! > 0.5));
      expect(label).toBe(labels!.length === 0 ? '[]' : labels!.join('|'));
      expect(value).toBeUndefined();
    }
    expect(new Set(answers.map(({ label }) => label)).size).toBeGreaterThan(5);
    const judged = answers.map((answer, k) => ({ predicted: labelsOf(answer), truth: rows[k]!.labels }));
    expect(microF1(judged)).toBeGreaterThan(0.55);
  });

  it('answers the same in a stream', async () => {
    const [first] = topicRows();
    const [answer] = await world.client.predict('topics', [first!.features]);
    const client = createGrpcClient(InferenceServiceClient, world.system.addresses['inference'] ?? '');
    try {
      const stream = client.predictStream();
      const answered = new Promise<PredictStreamResponse>((resolve, reject) => {
        stream.once('data', resolve);
        stream.once('error', reject);
      });
      stream.write({ requestId: 'one', request: { model: 'topics', rows: [rowToProto(first!.features)] } });
      const { result } = await answered;
      stream.end();
      const predictions = result?.$case === 'response' ? result.value.predictions : [];
      expect(predictions[0]?.labels).toEqual(answer?.labels);
      expect(predictions[0]?.probabilities).toEqual(Object.values(answer?.probabilities ?? {}));
    } finally {
      client.close();
    }
  });

  it('is watched label by label, and measured by the sets that are told afterwards', async () => {
    const rows = topicRows().slice(200, 300);
    const answers = await world.client.predict(
      'topics',
      rows.map(({ features }) => features),
    );
    const truths = answers.map(({ id }, k) => ({ predictionId: id, labels: rows[k]!.labels }));
    const [asText, ...asSets] = truths;
    await world.client.label('topics', asSets);
    await world.client.label('topics', [
      {
        predictionId: asText!.predictionId,
        label: asText!.labels.length === 0 ? '|' : [...asText!.labels].reverse().join(' | '),
      },
    ]);
    await eventually(async () => {
      const [model] = await world.client.monitored('topics');
      return Number(model?.labelled) >= 100 ? true : undefined;
    }, 'the join of all labels');
    const report = await world.client.report({
      model: 'topics',
      window: 100,
      minPredictions: 100,
      waitMs: 20_000,
    });
    expect(report.labelled).toBe(100);
    const judged = answers.map((answer, k) => ({ predicted: labelsOf(answer), truth: rows[k]!.labels }));
    expect(report.quality['f1_micro']).toBeCloseTo(microF1(judged), 12);
    expect(report.baseline['f1_micro']).toBeCloseTo(run.metrics['f1_micro']?.mean ?? 0, 12);
    for (const role of ['prediction', 'target'])
      expect(report.columns.filter((column) => column.role === role).map(({ name }) => name)).toEqual(topics);
    expect(report.columns.every(({ status }) => status === 'ok')).toBe(true);
    const kept = await world.client.predictions({ model: 'topics', limit: 100, labelled: true });
    for (const one of kept) {
      const truth = truths.find(({ predictionId }) => predictionId === one.predictionId);
      expect(one.truthLabels).toEqual(truth?.labels);
      expect(one.labels).toEqual(answers.find(({ id }) => id === one.predictionId)?.labels);
    }
  });

  it('refuses the truth of a label that the model does not have', async () => {
    const label = (given: string) => world.client.label('topics', [{ predictionId: 'p', label: given }]);
    await expect(label('economy|weather')).rejects.toMatchObject({ code: 'RK_LABEL_INVALID' });
    await expect(
      world.client.label('topics', [{ predictionId: 'p', labels: ['weather'] }]),
    ).rejects.toMatchObject({
      code: 'RK_LABEL_INVALID',
    });
  });
});

describe('a table with one column of sets', () => {
  it('is read with its separator, weighs its rows, and predicts above the threshold of the event', async () => {
    const rows = topicRows();
    const names = Object.keys(rows[0]!.features);
    const lines = rows.map(({ features, labels }, k) =>
      [
        ...names.map((name) => features[name]),
        (k % 3) + 1,
        labels.length === 0 ? ';' : labels.join('; '),
      ].join(','),
    );
    const { runId, version } = await world.serve({
      name: 'separated',
      uri: write('separated.csv', [[...names, 'weight', 'about'].join(','), ...lines].join('\n')),
      target: 'about',
      task: Task.TASK_MULTILABEL,
      labelSeparator: ';',
      labelThreshold: 0.3,
      sampleWeight: 'weight',
      gate: { metric: 'hamming_loss', threshold: 0.5, allowWorseThanChampion: false },
      ...training,
    });
    const run = await finished(runId);
    expect(run.verdict).toMatchObject({ passed: true, metric: 'hamming_loss' });
    expect(version.signature).toMatchObject({
      classes: topics,
      targets: [],
      labelSeparator: ';',
      labelThreshold: 0.3,
    });
    const answers = await world.client.predict(
      'separated',
      rows.slice(0, 50).map(({ features }) => features),
    );
    for (const { labels, label, probabilities } of answers) {
      expect(labels).toEqual(topics.filter((topic) => probabilities[topic]! > 0.3));
      if (labels!.length > 0) expect(label).toBe(labels!.join(';'));
    }
  });

  it('of JSON Lines may hold lists, and is multi-label by itself', async () => {
    const lines = topicRows().map(({ features, labels }) => JSON.stringify({ ...features, about: labels }));
    const { version } = await world.serve({
      name: 'listed',
      uri: write('listed.jsonl', lines.join('\n')),
      target: 'about',
      ...training,
    });
    expect(version.signature).toMatchObject({ task: Task.TASK_MULTILABEL, classes: topics, target: 'about' });
    // The same rows, labels and seed: the same model as from columns.
    const [columns] = (await world.client.model('topics')).versions;
    expect(version.metrics['f1_micro']).toEqual(columns?.metrics['f1_micro']);
  });

  it('of Parquet may hold lists, in nested pages', async () => {
    const file = new URL('../../services/ingest/test/fixtures/topics.parquet', import.meta.url);
    const request = { name: 'nested', uri: file.href, target: 'about', ...training };
    const { version } = await world.serve(request);
    expect(version.signature).toMatchObject({ task: Task.TASK_MULTILABEL, classes: topics, target: 'about' });
    const [columns] = (await world.client.model('topics')).versions;
    expect(version.metrics['f1_micro']).toEqual(columns?.metrics['f1_micro']);
  });

  it('is searched for the settings that are best by the metric of the gate', async () => {
    const { runId } = await world.serve({
      name: 'searched-topics',
      uri: exampleUri('topics.csv'),
      targets: topics,
      folds: 3,
      epochs: 20,
      search: { strategy: 'grid', space: { learningRate: [0.001, 0.2] } },
    });
    const run = await finished(runId);
    expect(run.plan?.search).toMatchObject({
      metric: 'f1_micro',
      bestPoint: { learningRate: 0.2 },
    });
  });
});

describe('thresholds of labels', () => {
  const columns = { uri: exampleUri('topics.csv'), targets: topics };
  const answers = async (model: string): Promise<readonly PredictedRow[]> =>
    world.client.predict(
      model,
      topicRows()
        .slice(0, 100)
        .map(({ features }) => features),
    );

  it('are those of the event for the labels that it names', async () => {
    const labelThreshold = { health: 0.2, sports: 0.8 };
    const { version } = await world.serve({ name: 'named', ...columns, labelThreshold, ...training });
    const each = [0.5, 0.2, 0.5, 0.5, 0.8];
    expect(version.signature).toMatchObject({ labelThreshold: 0.5, labelThresholds: each });
    for (const { labels, probabilities } of await answers('named'))
      expect(labels).toEqual(topics.filter((topic, k) => probabilities[topic]! > each[k]!));
  });

  it('tuned on the held-out rows are those of the version, its predictions and its monitor, with labels that are weighed', async () => {
    const { runId, version } = await world.serve({
      name: 'tuned',
      ...columns,
      labelThreshold: 'tuned',
      modelSpec: { positiveWeights: 'balanced' },
      ...training,
    });
    const run = await finished(runId);
    const each = run.labelThresholds;
    expect(each).toHaveLength(5);
    expect(each.every((threshold) => threshold > 0 && threshold < 1)).toBe(true);
    expect(new Set(each).size).toBe(5);
    expect(version.signature?.labelThresholds).toEqual(each);
    // The folds are told as they were judged in the end.
    const folds = run.jobs.flatMap(({ result }) => result?.metrics['f1_micro'] ?? []);
    expect(folds).toHaveLength(5);
    expect(folds.reduce((sum, value) => sum + value, 0) / 5).toBeCloseTo(run.metrics['f1_micro']!.mean, 12);
    expect(run.plan?.modelSpec).toMatchObject({ positiveWeights: 'balanced' });

    const rows = topicRows().slice(0, 100);
    const predicted = await answers('tuned');
    for (const { labels, probabilities } of predicted)
      expect(labels).toEqual(topics.filter((topic, k) => probabilities[topic]! > each[k]!));
    await world.client.label(
      'tuned',
      predicted.map(({ id }, k) => ({ predictionId: id, labels: rows[k]!.labels })),
    );
    await eventually(async () => {
      const [model] = await world.client.monitored('tuned');
      return Number(model?.labelled) >= 100 ? true : undefined;
    }, 'the join of all labels');
    const report = await world.client.report({
      model: 'tuned',
      window: 100,
      minPredictions: 100,
      waitMs: 20_000,
    });
    const judged = predicted.map((answer, k) => ({ predicted: labelsOf(answer), truth: rows[k]!.labels }));
    expect(report.quality['f1_micro']).toBeCloseTo(microF1(judged), 12);
    expect(report.baseline['f1_micro']).toBeCloseTo(run.metrics['f1_micro']!.mean, 12);

    const watch = await world.client.runControl.follow(runId);
    const begun = await world.client.runControl.reproduce({ runId, actor: 'test' });
    const again = await within(watch.ended(begun.reproductionId), 'the reproduction', 60_000);
    await watch.stop();
    expect(again).toMatchObject({ state: 'equal', differences: [] });
    expect((await world.client.modelVersion('tuned', 1)).signature?.labelThresholds).toEqual(each);
  });

  it('are tuned in a search too: the best trial is told of as the run is', async () => {
    const { runId } = await world.serve({
      name: 'searched-tuned',
      ...columns,
      labelThreshold: 'tuned',
      folds: 3,
      epochs: 20,
      search: { strategy: 'grid', space: { learningRate: [0.001, 0.2] } },
    });
    const run = await finished(runId);
    expect(run.plan?.search).toMatchObject({ metric: 'f1_micro', bestPoint: { learningRate: 0.2 } });
    expect(run.labelThresholds).toHaveLength(5);
    // The same folds, seed and settings.
    expect(run.plan?.search?.bestScore).toBeCloseTo(run.metrics['f1_micro']!.mean, 12);
  });

  it('of a label that the data has not are refused by its name', async () => {
    const { end } = await world.run({
      name: 'strange',
      ...columns,
      target: '',
      labelThreshold: { weather: 0.3 },
    });
    expect(end).toMatchObject({
      state: 'dataset-rejected',
      rejection: { code: 'RK_REQUEST_INVALID', details: { field: 'label_threshold.weather' } },
    });
  });
});

describe('a target that holds no sets of labels', () => {
  it.each([
    ['a column of counts', { targets: ['economy', 'word_00'] }, 'RK_DATASET_TARGET_TYPE', 'word_00'],
    ['an unknown column', { targets: ['economy', 'weather'] }, 'RK_DATASET_TARGET_MISSING', 'weather'],
    ['target and targets', { target: 'health', targets: topics }, 'RK_REQUEST_INVALID', 'targets'],
    ['another task', { targets: topics, task: Task.TASK_REGRESSION }, 'RK_REQUEST_INVALID', 'multilabel'],
  ])('%s is rejected by name, and the services go on', async (_, fields, code, word) => {
    const request = { name: 'no-sets', uri: exampleUri('topics.csv'), target: '', ...fields };
    const { end } = await world.run(request);
    expect(end).toMatchObject({
      state: 'dataset-rejected',
      rejection: { code, message: expect.stringContaining(word) as string },
    });
    expect(await world.unhealthy()).toEqual([]);
  });
});
