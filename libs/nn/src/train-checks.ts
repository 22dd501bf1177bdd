import { firstNotFinite } from './finite.js';
import { NnError } from './nn-error.js';
import type { NetworkPlan } from './network-plan.js';
import type { TrainJob } from './train-job.js';

function refuse(message: string, details: Record<string, string>, hint: string): never {
  throw new NnError('RK_TRAIN_INPUT', message, { details, hint });
}

/** Refuses, before anything is computed, data that would fail late or silently: RK_TRAIN_INPUT. */
export function checkTrainingData(job: TrainJob, plan: NetworkPlan): void {
  const { features, targets, rows, width, spec } = job;
  const { outputs } = plan;
  if (!Number.isInteger(rows) || rows < 1)
    refuse(`A fit needs at least one row; got ${rows}.`, { rows: String(rows) }, 'Give more data.');
  if (features.length !== rows * width) {
    const text = `${rows} rows of ${width} features are ${rows * width} numbers; got ${features.length}.`;
    refuse(
      text,
      { expected: String(rows * width), got: String(features.length) },
      'Check the width of the matrix.',
    );
  }
  const bad = firstNotFinite(features);
  if (bad >= 0) {
    const row = String(Math.floor(bad / width));
    const column = String(bad % width);
    const hint = 'Impute missing values and drop infinite ones before training.';
    refuse(`The feature in row ${row}, column ${column} is ${features[bad]}.`, { row, column }, hint);
  }
  const perRow = spec.task === 'classification' ? 1 : outputs;
  if (targets.length !== rows * perRow) {
    const text = `${rows} rows need ${rows * perRow} targets; got ${targets.length}.`;
    refuse(
      text,
      { expected: String(rows * perRow), got: String(targets.length) },
      'Give one target a row and output.',
    );
  }
  const classes = job.classes ?? outputs;
  if (spec.task === 'classification' && classes !== outputs) {
    const text = `The network has ${outputs} outputs for ${classes} classes.`;
    refuse(
      text,
      { outputs: String(outputs), classes: String(classes) },
      'Give the last layer one unit a class.',
    );
  }
  for (let i = 0; i < targets.length; i += 1) {
    const target = targets[i]!;
    const good = {
      classification: Number.isInteger(target) && target >= 0 && target < classes,
      regression: Number.isFinite(target),
      multilabel: target === 0 || target === 1,
    }[spec.task];
    if (good) continue;
    const row = String(Math.floor(i / perRow));
    const what = {
      classification: `not a class of 0 to ${classes - 1}`,
      regression: 'not a finite number',
      multilabel: 'neither 0 nor 1',
    }[spec.task];
    refuse(
      `The target in row ${row} is ${target}, ${what}.`,
      { row, target: String(target) },
      'Drop rows without a target.',
    );
  }
  checkWeights(job);
  checkCodes(job, plan);
  const kept = Math.floor(rows * (1 - (spec.validationSplit ?? 0)));
  if (kept < 1 || (spec.validationSplit !== undefined && kept === rows)) {
    const text = `A validation split of ${spec.validationSplit} of ${rows} rows leaves none to fit on or none to judge by.`;
    refuse(text, { rows: String(rows), validationSplit: String(spec.validationSplit) }, 'Give more data.');
  }
}

function checkWeights({ sampleWeights, rows }: TrainJob): void {
  if (sampleWeights === undefined) return;
  if (sampleWeights.length !== rows) {
    const text = `${rows} rows need ${rows} sample weights; got ${sampleWeights.length}.`;
    refuse(text, { expected: String(rows), got: String(sampleWeights.length) }, 'Give one weight a row.');
  }
  const bad = sampleWeights.findIndex((weight) => !(weight >= 0 && weight < Infinity));
  if (bad < 0) return;
  const details = { row: String(bad), weight: String(sampleWeights[bad]) };
  refuse(`The weight of row ${bad} is ${sampleWeights[bad]}.`, details, 'Give weights of 0 or more.');
}

/** Codes that an embedding has no row for would be silently zero. */
function checkCodes({ features, rows, width }: TrainJob, plan: NetworkPlan): void {
  for (const op of plan.operations) {
    if (op.kind !== 'embedding') continue;
    const source = plan.operations[op.sources[0]! - 1];
    if (source?.kind !== 'columns') continue;
    for (let row = 0; row < rows; row += 1) {
      const code = features[row * width + source.from]!;
      if (Number.isInteger(code) && code >= 0 && code < op.vocabulary) continue;
      refuse(
        `The feature in row ${row}, column ${source.from} is ${code}, not a code of 0 to ${op.vocabulary - 1}.`,
        { row: String(row), column: String(source.from) },
        'Give the embedding the vocabulary of its column.',
      );
    }
  }
}
