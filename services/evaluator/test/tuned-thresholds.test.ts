import { createOutbox } from '@rookery/bus';
import { events } from '@rookery/contracts';
import { noPlugins } from '@rookery/plugin';
import { ModelPackage, ReferenceProfile } from '@rookery/proto/rookery/artifacts/v1/artifacts';
import { FoldEvaluated, RunEvaluated } from '@rookery/proto/rookery/events/v1/run';
import { TrialEvaluated } from '@rookery/proto/rookery/events/v1/search';
import { columnByName, labelSetTarget, targetNumbers, tunedThreshold } from '@rookery/tabular';
import type { TargetEncoder } from '@rookery/tabular';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { artifactReader } from '../src/adapters/artifact-reader.js';
import type { EvaluationDocument } from '../src/adapters/evaluation-collection.js';
import { evaluateTrained } from '../src/application/evaluate-trained.js';
import { joinRun } from '../src/application/join-run.js';
import { joinFoldsOfTrial } from '../src/application/join-trial.js';
import { keepPlan } from '../src/application/keep-plan.js';
import { resultOf } from '../src/application/rebuild.js';
import { tuneThresholds } from '../src/application/tune-thresholds.js';
import type { FoldResult } from '../src/domain/evaluation.js';
import { heldOutQuality } from '../src/domain/fold-metrics.js';
import { labelTuner } from '../src/domain/held-out-rows.js';
import { measurements, openFolder, planEvent, quiet, trainedEvent, trainedRun } from './fixtures.js';
import type { RunFixture } from './fixtures.js';

let folder: Awaited<ReturnType<typeof openFolder>>;
let collections = 0;
beforeAll(async () => {
  folder = await openFolder();
});
afterAll(() => folder.close());

const labels = ['sign', 'right'];
const options = { task: 'multilabel', epochs: 20, folds: 4 } as const;

/** The announcements of a run whose parts come in order. */
async function evaluate(fixture: RunFixture): Promise<{
  run: RunEvaluated;
  trials: readonly TrialEvaluated[];
  folds: readonly FoldEvaluated[];
  outputs: readonly Float32Array[];
  kept: readonly FoldResult[];
}> {
  const { artifacts } = folder;
  const announced = new Map<string, { type: string; data: unknown }>();
  const outbox = createOutbox({
    publishEncoded: async (event, _key, body, { id }) => {
      const data = JSON.parse(Buffer.from(body).toString()) as unknown;
      announced.set(id, { type: event.type, data });
      return { sequence: announced.size, duplicate: false };
    },
  });
  const evaluations = await folder.store.collection<EvaluationDocument>(`tuned${(collections += 1)}`);
  const [reader, plugins] = [artifactReader(artifacts), noPlugins()];
  const join = joinRun({ evaluations, reader, artifacts, plugins, outbox, logger: quiet });
  const joinTrial = joinFoldsOfTrial({ evaluations, outbox, reader });
  const trained = evaluateTrained({ evaluations, reader, artifacts, plugins, outbox, join, joinTrial });
  await keepPlan({ evaluations, reader, join })(planEvent(fixture.plan));
  for (const part of fixture.trained) await trained(trainedEvent(part));
  const of = (type: string): unknown[] =>
    [...announced.values()].filter((event) => event.type === type).map(({ data }) => data);
  const folds = of(events.foldEvaluated.type).map((json) => FoldEvaluated.fromJSON(json));
  const outputs = await Promise.all(folds.map((fold) => reader.outputs(fold.outputs?.sha256 ?? '')));
  const document = await evaluations.findOne({ _id: fixture.trained[0]?.runId ?? '' });
  return {
    run: RunEvaluated.fromJSON(of(events.runEvaluated.type)[0] ?? {}),
    trials: of(events.trialEvaluated.type).map((json) => TrialEvaluated.fromJSON(json)),
    folds,
    outputs,
    kept: Object.values(document?.folds ?? {}),
  };
}

describe('a run with tuned thresholds', () => {
  test.each([
    ['rows that weigh alike', ''],
    ['rows of the weights of a column', 'weight'],
  ])(
    'serves those of all held-out rows, and judges each fold by those of the others: %s',
    async (_name, weightColumn) => {
      const runId = `run-tuned${weightColumn}`;
      const plain = await evaluate(
        await trainedRun(folder.artifacts, { ...options, runId: `${runId}-not`, weightColumn }),
      );
      const fixture = await trainedRun(folder.artifacts, {
        ...options,
        runId,
        weightColumn,
        labelThreshold: 'tuned',
      });
      const { run, folds, outputs } = await evaluate(fixture);
      expect((await evaluate(fixture)).run).toEqual(run);
      expect(plain.run.labelThresholds).toEqual([]);
      // What a fold alone says is said with the default.
      expect(folds.map(({ result }) => result)).toEqual(plain.folds.map(({ result }) => result));

      const thresholds = run.labelThresholds;
      const pack = ModelPackage.decode(await folder.artifacts.get(run.package?.sha256 ?? ''));
      const reference = ReferenceProfile.decode(await folder.artifacts.get(run.reference?.sha256 ?? ''));
      expect(pack.signature).toMatchObject({ labelThreshold: 0.5, labelThresholds: thresholds });
      expect((JSON.parse(pack.targetJson) as TargetEncoder).threshold).toEqual(thresholds);
      expect(reference.labelThresholds).toEqual(thresholds);

      // Computed again, as plainly as can be, from the outputs that the folds announced.
      const { table, heldOut } = fixture;
      const numbers = (name: string): Float64Array => targetNumbers(columnByName(table, name));
      const best = (label: number, some: readonly number[]): number => {
        const rows = some.flatMap((fold) => [...heldOut[fold]!]);
        return tunedThreshold({
          truth: rows.map((row) => numbers(labels[label]!)[row]!),
          probabilities: some.flatMap((fold) => [...outputs[fold]!].filter((__, at) => at % 2 === label)),
          weights: rows.map((row) => (weightColumn === '' ? 1 : numbers(weightColumn)[row]!)),
        });
      };
      const all = [0, 1, 2, 3];
      expect(thresholds).toEqual([best(0, all), best(1, all)]);
      expect(thresholds).not.toContain(0.5);
      const plainTarget = labelSetTarget('sign, right', labels, { columns: labels });
      for (const { fold, metrics } of run.folds) {
        const others = all.filter((one) => one !== fold);
        const threshold = [best(0, others), best(1, others)];
        const target = { ...plainTarget, threshold };
        const quality = heldOutQuality(table, target, heldOut[fold]!, outputs[fold]!, weightColumn);
        expect(metrics).toEqual(quality.metrics);
        // What no threshold decides is as it was.
        for (const name of ['roc_auc_micro', 'log_loss'])
          expect(metrics[name]).toBe(plain.run.folds[fold]?.metrics[name]);
      }
      expect(run.metrics['f1_micro']).not.toEqual(plain.run.metrics['f1_micro']);
      for (const [k, counts] of run.labelConfusions.entries())
        expect(counts.truePositives + counts.falseNegatives).toBe(
          numbers(labels[k]!).reduce((sum, flag) => sum + flag, 0),
        );
    },
  );

  test('is a trial first, which is compared by the metrics that the run is told of', async () => {
    const fixture = await trainedRun(folder.artifacts, {
      ...options,
      runId: 'run-tuned-trial',
      labelThreshold: 'tuned',
    });
    const trial = { searchId: 'run-00000000000000ab', trial: 0, rung: 0 };
    const folds = fixture.trained
      .filter(({ final }) => !final)
      .map((part) => ({ ...part, runId: `${trial.searchId}-t0r0`, trial }));
    const [{ run }, tried] = [await evaluate(fixture), await evaluate({ ...fixture, trained: folds })];
    expect(tried.trials).toHaveLength(1);
    expect(tried.trials[0]?.metrics).toEqual(run.metrics);
  });

  test('has results that the log tells as they were kept', async () => {
    const fixture = await trainedRun(folder.artifacts, {
      ...options,
      runId: 'run-tuned-log',
      epochs: 1,
      labelThreshold: 'tuned',
    });
    const { folds, kept } = await evaluate(fixture);
    expect(folds.map((one) => resultOf(one, undefined))).toEqual(kept);
    expect(kept.map(({ bundleSha256 }) => bundleSha256)).toEqual(
      fixture.trained.slice(0, 4).map(({ bundle }) => bundle?.sha256),
    );
  });
});

test('a result that lacks what thresholds are tuned on is no silent 0.5', async () => {
  const reader = artifactReader(folder.artifacts);
  const folds = [{ fold: 0, rows: 1, metrics: {}, confusion: [], trainedSha256: '', outputsSha256: '' }];
  const encoder = labelSetTarget('sign, right', labels, { columns: labels }, 'tuned');
  const data = { table: measurements(3), encoder, outputs: [new Float32Array(2)], weightColumn: '' };
  await expect(tuneThresholds(reader, { runId: 'run-x', folds }, data)).rejects.toMatchObject({
    code: 'RK_MESSAGE_MISSING_FIELD',
    details: { field: 'bundle_sha256', fold: '0' },
  });
});

test('a row that several folds hold out has no part in the thresholds by which any of them is judged', () => {
  const table = measurements(12);
  const target = labelSetTarget('sign, right', labels, { columns: labels }, 'tuned');
  const odd = Uint32Array.from([1, 3, 5, 7, 9, 11]);
  const even = Uint32Array.from([0, 2, 4, 6, 8, 10]);
  const outputs = (shift: number): Float32Array =>
    Float32Array.from({ length: 12 }, (_, at) => ((at * 7 + shift) % 12) / 16 + 0.1);
  // Two repetitions, of which the second draws other rows.
  const folds = [
    { rows: odd, outputs: outputs(0) },
    { rows: even, outputs: outputs(1) },
    { rows: odd, outputs: outputs(5) },
    { rows: even, outputs: outputs(9) },
  ];
  for (const label of [0, 1]) {
    const { served, judged } = labelTuner(table, target, folds, '')(label);
    const alone = (some: typeof folds): number => labelTuner(table, target, some, '')(label).served;
    expect(served).toBe(alone([...folds].reverse()));
    const [odds, evens] = [alone([folds[0]!, folds[2]!]), alone([folds[1]!, folds[3]!])];
    expect(judged).toEqual([evens, odds, evens, odds]);
  }
});
