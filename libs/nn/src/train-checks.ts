import { NnError } from './nn-error.js';
import type { TrainJob } from './train.js';

function refuse(message: string, details: Record<string, string>, hint: string): never {
  throw new NnError('RK_TRAIN_INPUT', message, { details, hint });
}

/** Refuses, before anything is computed, data that would fail late or silently: RK_TRAIN_INPUT. */
export function checkTrainingData(job: TrainJob, outputs: number): void {
  const { features, targets, rows, width, spec } = job;
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
  for (let i = 0; i < features.length; i += 1) {
    if (Number.isFinite(features[i]!)) continue;
    const row = String(Math.floor(i / width));
    const column = String(i % width);
    const hint = 'Impute missing values and drop infinite ones before training.';
    refuse(`The feature in row ${row}, column ${column} is ${features[i]}.`, { row, column }, hint);
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
    const good =
      spec.task === 'classification'
        ? Number.isInteger(target) && target >= 0 && target < classes
        : Number.isFinite(target);
    if (good) continue;
    const row = String(Math.floor(i / perRow));
    const what =
      spec.task === 'classification' ? `not a class of 0 to ${classes - 1}` : 'not a finite number';
    refuse(
      `The target in row ${row} is ${target}, ${what}.`,
      { row, target: String(target) },
      'Drop rows without a target.',
    );
  }
}

/** The error of a fit whose loss or weights are no longer finite. */
export function divergence(epoch: number, batch: number, job: TrainJob): NnError {
  const { optimizer } = job.spec;
  return new NnError(
    'RK_TRAIN_DIVERGED',
    `The fit diverged in epoch ${epoch}, batch ${batch}: the loss is not a finite number any more.`,
    {
      details: { epoch: String(epoch), batch: String(batch), learningRate: String(optimizer.learningRate) },
      hint:
        `Lower the learning rate (${optimizer.type} with ${optimizer.learningRate} now), ` +
        'standardise the features, or look for extreme values in them.',
    },
  );
}
